"""The queues: what waits and runs in each, kept up to date."""

from typing import Any

from flask import Blueprint, abort, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.rights import Right
from webapp.views.admin.queue_view import QueueView, queue_views
from webapp.views.current import services
from webapp.views.live import answer, asking
from webapp.views.rights import require_for_all

bp = Blueprint("queues", __name__, url_prefix="/admin/queues")
require_for_all(bp, Right.SEE_INSTALLATION)
_POLL_SECONDS = 5.0
_JOBS = "admin_jobs.index"


@bp.get("")
def index() -> ResponseReturnValue:
    """List the queues."""
    return render_template("queues/index.html", **_list())


@bp.get("/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the list; 304 if nothing did."""
    return answer("queues/_live.html", _list())


@bp.get("/<path:name>")
def show(name: str) -> ResponseReturnValue:
    """Show one queue."""
    return render_template("queues/show.html", **page_of(name))


@bp.get("/<path:name>/_live")
def show_live(name: str) -> ResponseReturnValue:
    """Answer what changes on a queue's page; 304 if nothing did."""
    return answer("queues/_queue_live.html", page_of(name))


@bp.app_template_global()
def jobs_address(**narrowed: Any) -> str:
    """Return the address of the list of everybody's jobs, narrowed; empty where there is none."""
    return url_for(_JOBS, **narrowed) if _JOBS in current_app.view_functions else ""


def _list() -> dict[str, Any]:
    return _page(queue_views(services()))


def page_of(name: str) -> dict[str, Any]:
    """Return what the page of one queue is made of; 404 for one that is not there."""
    return {**_page((queue := known(name),)), "queue": queue}


def _page(shown: tuple[QueueView, ...]) -> dict[str, Any]:
    return {"queues": shown, **asking(shown, _POLL_SECONDS)}


def known(name: str) -> QueueView:
    """Return one queue, described; 404 for one that is not there."""
    return next((queue for queue in queue_views(services()) if queue.name == name), None) or abort(404)
