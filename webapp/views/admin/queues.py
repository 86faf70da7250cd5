"""The queues: what waits and runs in each, kept up to date.

What the pages of queues say of each one: its figures in words, and what is wrong with it.

Steering a queue: pause, resume, limit and empty it. What takes something away is asked first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.lifecycle.bulk_actions import Action as Act
from webapp.jobs.model.job import Status
from webapp.jobs.queueing.latency import QueueLatency
from webapp.jobs.queueing.queues import Queue, QueueLoad
from webapp.jobtypes.bulk_action.payload import BulkAction
from webapp.services import Services
from webapp.views.job_list.bulk_actions import start_acting
from webapp.views.page import confirmation
from webapp.views.page.audit_log import audited, record_audit
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, rough_duration
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

FEW = 20  # samples: a 95th percentile of fewer is one job's luck


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A queue as people read it; empty words say that there is nothing to say."""

    name: str
    look: StatusLabel
    waiting: int
    oldest: str
    p95: str
    samples: int
    running: int
    limit: int | None
    workers: int
    paused_at: FormattedTime | None
    paused_by: str
    reason: str

    @property
    def has_no_workers(self) -> bool:
        """Whether nobody would take a job from it."""
        return not self.workers

    @property
    def few_samples(self) -> bool:
        """Whether its 95th percentile is to be taken with care."""
        return 0 < self.samples < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class _QueueFigures:
    loads: Mapping[str, QueueLoad]
    oldest: Mapping[str, timedelta]
    waits: Mapping[str, QueueLatency]
    workers: Mapping[str, int]


def queue_views(services: Services) -> tuple[QueueView, ...]:
    """Describe every queue."""
    queues = services.queues.all()
    reading = viewer_context(queue.paused_by for queue in queues)
    found = _QueueFigures(
        loads=services.queues.loads(),
        oldest=services.queues.oldest_waits(),
        waits=services.queues.latencies(),
        workers=services.workers.count_by_queue(),
    )
    return tuple(_view(queue, found, reading) for queue in queues)


def _view(queue: Queue, found: _QueueFigures, reading: ViewerContext) -> QueueView:
    load, wait, oldest = (
        found.loads.get(queue.name, QueueLoad()),
        found.waits.get(queue.name),
        found.oldest.get(queue.name),
    )
    workers = found.workers.get(queue.name, 0)
    return QueueView(
        name=queue.name,
        look=_look(queue, load, workers),
        waiting=load.waiting,
        oldest=rough_duration(oldest) if oldest is not None else "",
        p95=rough_duration(wait.p95) if wait else "",
        samples=wait.samples if wait else 0,
        running=load.running,
        limit=queue.max_running,
        workers=workers,
        paused_at=reading.when(queue.paused_at) if queue.paused_at else None,
        paused_by=_who(queue, reading),
        reason=queue.reason,
    )


def _who(queue: Queue, reading: ViewerContext) -> str:
    return reading.name(queue.paused_by) if queue.paused_by else _("the command line")


def _look(queue: Queue, load: QueueLoad, workers: int) -> StatusLabel:
    if queue.paused_at:
        return StatusLabel(_("Paused"), "attention", "player-pause")
    if not workers:
        return StatusLabel(_("No worker"), "failed" if load.waiting else "waiting", "alert-triangle")
    if load.running:
        return StatusLabel(_("Running"), "running", "loader-2")
    return StatusLabel(_("Open"), "done", "check")


bp = Blueprint("queues", __name__, url_prefix="/admin/queues")
require_for_all(bp, Right.SEE_INSTALLATION)
_POLL_SECONDS = 5.0
_JOBS = "admin_jobs.index"


@bp.get("")
def index() -> ResponseReturnValue:
    """List the queues."""
    return render_template("admin/queues/index.html", **_list())


@bp.get("/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the list; 304 if nothing did."""
    return poll_response("admin/queues/_live.html", _list())


@bp.get("/<path:name>")
def show(name: str) -> ResponseReturnValue:
    """Show one queue."""
    return render_template("admin/queues/show.html", **_queue_page(name))


@bp.get("/<path:name>/_live")
def show_live(name: str) -> ResponseReturnValue:
    """Answer what changes on a queue's page; 304 if nothing did."""
    return poll_response("admin/queues/_queue_live.html", _queue_page(name))


@bp.app_template_global()
def jobs_url(**narrowed: Any) -> str:
    """Return the address of the list of everybody's jobs, narrowed; empty where there is none."""
    return url_for(_JOBS, **narrowed) if _JOBS in current_app.view_functions else ""


def _list() -> dict[str, Any]:
    return _page(queue_views(services()))


def _queue_page(name: str) -> dict[str, Any]:
    """Return what the page of one queue is made of; 404 for one that is not there."""
    return {**_page((queue := find_queue(name),)), "queue": queue}


def _page(shown: tuple[QueueView, ...]) -> dict[str, Any]:
    return {"queues": shown, **polling_context(shown, _POLL_SECONDS)}


def find_queue(name: str) -> QueueView:
    """Return one queue, described; 404 for one that is not there."""
    return next((queue for queue in queue_views(services()) if queue.name == name), None) or abort(404)


_SECONDS_TO_EMPTY = 2.0  # of one request; a job of its own goes on with what then still waits
_LONGEST_LIMIT = 6  # digits


@bp.route("/<path:name>/pause", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def pause(name: str) -> ResponseReturnValue:
    """Ask why, then take no more jobs from a queue."""
    if page := confirmation.ask_reason(_pausing(find_queue(name))):
        return page
    reason = confirmation.submitted_reason()
    with audited(AuditAction.QUEUE_PAUSE, AuditTarget.QUEUE, name, after={"reason": reason}):
        services().queues.pause(name, reason=reason, by=signed_in().id)
    return _back(name)


@bp.post("/<path:name>/resume")
@require(Right.RUN_QUEUES)
def resume(name: str) -> ResponseReturnValue:
    """Take its jobs again."""
    queue = find_queue(name)
    with audited(AuditAction.QUEUE_RESUME, AuditTarget.QUEUE, name, before={"reason": queue.reason}):
        services().queues.resume(name)
    services().wake_ups.push(name)
    return _back(name)


@bp.post("/<path:name>/limit")
@require(Right.RUN_QUEUES)
def limit(name: str) -> ResponseReturnValue:
    """Let at most so many of its jobs run at once; nothing lifts the limit."""
    queue = find_queue(name)
    typed = request.form.get("limit", "").strip()
    if typed and not (typed.isascii() and typed.isdecimal() and len(typed) <= _LONGEST_LIMIT):
        error = _("Enter a whole number of 0 or more, or leave the field empty for no limit.")
        return render_template("admin/queues/show.html", **_queue_page(name), typed=typed, error=error), 422
    number = int(typed) if typed else None
    with audited(
        AuditAction.QUEUE_LIMIT, AuditTarget.QUEUE, name, before={"limit": queue.limit}, after={"limit": number}
    ):
        services().queues.limit(name, number)
    services().wake_ups.push(name)
    return _back(name)


@bp.route("/<path:name>/empty", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def empty(name: str) -> ResponseReturnValue:
    """Ask whether it is meant, then stop every job that waits in a queue."""
    queue = find_queue(name)
    if request.method == "GET":
        return render_confirmation(_emptying(queue))
    by = signed_in().id
    stopped = services().queues.empty(
        name, lambda ids: services().jobs.cancel_many(ids, by=by), seconds=_SECONDS_TO_EMPTY
    )
    record_audit(
        AuditAction.QUEUE_EMPTY, AuditTarget.QUEUE, name, before={"waiting": queue.waiting}, after={"stopped": stopped}
    )
    flash(ngettext("%(num)s job was stopped.", "%(num)s jobs were stopped.", stopped))
    if stopped >= queue.waiting or not services().queues.count_queued(name):
        return _back(name)
    rest = start_acting(BulkAction(action=Act.STOP, status=Status.QUEUED, tab="waiting", queue=name))
    flash(_("This job stops the remaining jobs."))
    return redirect(url_for("jobs.show", job_id=rest.id), 303)


def _pausing(queue: QueueView) -> Confirmation:
    runs = ngettext("%(num)s running job continues.", "%(num)s running jobs continue.", queue.running)
    return Confirmation(
        title=_("Pause the queue %(name)s?", name=queue.name),
        effect=_("Workers start no jobs from this queue until it is resumed. Waiting jobs keep their place."),
        notes=(runs,) if queue.running else (),
        action=_("Pause queue"),
        keep=_("Don't pause"),
        post=url_for("queues.pause", name=queue.name),
        back=url_for("queues.show", name=queue.name),
        harmful=False,
    )


def _emptying(queue: QueueView) -> Confirmation:
    asked = Confirmation(
        title=ngettext(
            "Stop %(num)s waiting job in %(name)s?",
            "Stop all %(num)s waiting jobs in %(name)s?",
            queue.waiting,
            name=queue.name,
        ),
        effect=_("This stops the waiting jobs of all users. Running jobs continue. Stopped jobs can be retried."),
        action=_("Stop jobs"),
        keep=_("Don't stop"),
        post=url_for("queues.empty", name=queue.name),
        back=url_for("queues.show", name=queue.name),
    )
    return asked if queue.waiting else replace(asked, refusal=_("No jobs are waiting in this queue."))


def _back(name: str) -> ResponseReturnValue:
    return redirect(url_for("queues.show", name=name), 303)
