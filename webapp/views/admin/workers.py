"""The workers: who is there, what each one runs; and their end, asked for through the database."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.accounts.rights import Right
from webapp.jobs.presence import Wish
from webapp.jobs.workers import WorkerNotFound
from webapp.views.admin.worker_view import WorkerView, worker_list
from webapp.views.auditing import audited
from webapp.views.confirming import Confirmation, confirm
from webapp.views.current import services
from webapp.views.live import answer, asking
from webapp.views.moments import rough
from webapp.views.rights import require, require_for_all
from webapp.views.texts import gettext as _
from webapp.views.viewer import signed_in

bp = Blueprint("workers", __name__, url_prefix="/admin/workers")
require_for_all(bp, Right.SEE_INSTALLATION)
_POLL_SECONDS = 5.0


@bp.get("")
def index() -> ResponseReturnValue:
    """List the workers of every machine."""
    return render_template("workers/index.html", **_page())


@bp.get("/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the list; 304 if nothing did."""
    return answer("workers/_live.html", _page())


@bp.post("/<name>/drain")
@require(Right.STOP_WORKERS)
def drain(name: str) -> ResponseReturnValue:
    """Have a worker end after the job that it runs."""
    return _stop(_known(name), Wish.DRAIN, Action.WORKER_DRAIN)


@bp.route("/<name>/stop", methods=["GET", "POST"])
@require(Right.STOP_WORKERS)
def stop(name: str) -> ResponseReturnValue:
    """Ask whether it is meant, then have a worker hand its job back and end."""
    worker = _known(name)
    if request.method == "GET":
        return confirm(_stopping(worker))
    return _stop(worker, Wish.NOW, Action.WORKER_STOP)


def _stop(worker: WorkerView, wish: Wish, action: Action) -> ResponseReturnValue:
    if worker.refusal:
        abort(409, worker.refusal)
    where = f"{worker.host}, {worker.pid}"
    try:
        with audited(action, Kind.WORKER, worker.name, name=where, before={"wish": worker.wish}, after={"wish": wish}):
            services().workers.stop(worker.name, wish, by=signed_in().id)
    except WorkerNotFound as error:
        abort(409, str(error))
    flash(_("The worker was asked to stop. Its pool puts another one in its place."))
    return redirect(url_for("workers.index"), 303)


def _stopping(worker: WorkerView) -> Confirmation:
    return Confirmation(
        title=_("Stop the worker %(pid)s on %(host)s now?", pid=worker.pid, host=worker.host),
        effect=_("It ends, and its pool puts another one in its place."),
        notes=_what_becomes_of(worker),
        action=_("Stop it now"),
        keep=_("Keep it running"),
        post=url_for("workers.stop", name=worker.name),
        back=url_for("workers.index"),
        refusal=worker.refusal,
    )


def _what_becomes_of(worker: WorkerView) -> tuple[str, ...]:
    if not worker.job_title:
        return ()
    grace = rough(timedelta(seconds=services().settings.stop_grace_seconds))
    return (
        _("Its job “%(title)s” is handed back and starts again from its checkpoint.", title=worker.job_title),
        _("The job has %(time)s to do so, then it is ended by force.", time=grace),
        _("To let the job end first, choose “Stop after its job”."),
    )


def _page() -> dict[str, Any]:
    found = worker_list(services())
    return {"list": found, **asking(found, _POLL_SECONDS)}


def _known(name: str) -> WorkerView:
    return next((worker for worker in worker_list(services()).workers if worker.name == name), None) or abort(404)
