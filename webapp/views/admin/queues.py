"""Queues: list and show them with their figures; pause, resume, limit, empty and remove one; pause all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.lifecycle.bulk_actions import BulkAction
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing.latency import QueueLatency
from webapp.jobs.queueing.queues import Queue, QueueInUse, QueueLoad
from webapp.jobtypes.bulk_action.payload import BulkActionPayload
from webapp.services import Services
from webapp.views.admin.performance import throughput, wait_series
from webapp.views.charts.time_range import PERIODS, chosen_range
from webapp.views.job_list.bulk_actions import start_bulk_action_job
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

bp = Blueprint("queues", __name__, url_prefix="/admin/queues")
require_for_all(bp, Right.SEE_INSTALLATION)
_JOBS_ENDPOINT = "admin_jobs.index"
_POLL_SECONDS = 5.0
_SECONDS_TO_EMPTY = 2.0  # within the request; a background job stops the rest
_LONGEST_LIMIT = 6  # digits
_FEW_SAMPLES = 20  # below this, a 95th percentile is the wait of a single job


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A queue for display; ``oldest`` and ``p95`` are empty if there is no such wait."""

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
    can_be_removed: bool = False  # computed for the page of one queue only

    @property
    def has_no_workers(self) -> bool:
        """Whether no worker would start its jobs."""
        return not self.workers

    @property
    def few_samples(self) -> bool:
        """Whether its 95th percentile is based on few jobs."""
        return 0 < self.samples < _FEW_SAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class _QueueFigures:
    """The figures of all queues, by name."""

    loads: Mapping[str, QueueLoad]
    longest_waits: Mapping[str, timedelta]
    latencies: Mapping[str, QueueLatency]
    workers: Mapping[str, int]


@bp.get("")
def index() -> ResponseReturnValue:
    """List the queues."""
    return render_template("admin/queues/index.html", **_list_page())


@bp.get("/_live")
def live() -> ResponseReturnValue:
    """Answer a poll of the list; 304 if nothing changed."""
    return poll_response("admin/queues/_live.html", _list_page())


@bp.route("/_pause", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def pause_all() -> ResponseReturnValue:
    """Ask for a reason, then pause everything."""
    if page := confirmation.ask_reason(_pause_all_confirmation()):
        return page
    pause_everything(confirmation.submitted_reason())
    return redirect(url_for("queues.index"), 303)


@bp.post("/_resume")
@require(Right.RUN_QUEUES)
def resume_all() -> ResponseReturnValue:
    """Let jobs start again after a pause of everything."""
    resume_everything()
    return redirect(url_for("queues.index"), 303)


@bp.get("/<path:name>")
def show(name: str) -> ResponseReturnValue:
    """Show one queue."""
    return render_template("admin/queues/show.html", **_queue_page(name), **_charts(name))


@bp.get("/<path:name>/_live")
def show_live(name: str) -> ResponseReturnValue:
    """Answer a poll of a queue's page; 304 if nothing changed."""
    return poll_response("admin/queues/_queue_live.html", _queue_page(name))


@bp.route("/<path:name>/pause", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def pause(name: str) -> ResponseReturnValue:
    """Ask for a reason, then pause a queue."""
    if page := confirmation.ask_reason(_pause_confirmation(_find_queue(name))):
        return page
    pause_queue(name, confirmation.submitted_reason())
    return _redirect_to(name)


@bp.post("/<path:name>/resume")
@require(Right.RUN_QUEUES)
def resume(name: str) -> ResponseReturnValue:
    """Resume a paused queue."""
    resume_queue(_find_queue(name).name)
    return _redirect_to(name)


@bp.post("/<path:name>/limit")
@require(Right.RUN_QUEUES)
def limit(name: str) -> ResponseReturnValue:
    """Limit how many jobs of a queue run at the same time; an empty field removes the limit."""
    queue = _find_queue(name)
    typed = request.form.get("limit", "").strip()
    if typed and not (typed.isascii() and typed.isdecimal() and len(typed) <= _LONGEST_LIMIT):
        error = _("Enter a whole number of 0 or more, or leave the field empty for no limit.")
        page = {**_queue_page(name), **_charts(name), "typed": typed, "error": error}
        return render_template("admin/queues/show.html", **page), 422
    limit_queue(queue.name, int(typed) if typed else None)
    return _redirect_to(name)


@bp.route("/<path:name>/empty", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def empty(name: str) -> ResponseReturnValue:
    """Ask for confirmation, then stop all waiting jobs of a queue; a background job stops what takes too long."""
    queue = _find_queue(name)
    if request.method != "POST":
        return render_confirmation(_empty_confirmation(queue))
    stopped, rest = empty_queue(name)
    flash(ngettext("%(num)s job was stopped.", "%(num)s jobs were stopped.", stopped))
    if rest is None:
        return _redirect_to(name)
    flash(_("This job stops the remaining jobs."))
    return redirect(url_for("jobs.show", job_id=rest.id), 303)


@bp.route("/<path:name>/remove", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def remove(name: str) -> ResponseReturnValue:
    """Ask for confirmation, then remove a queue that nothing uses."""
    question = _remove_confirmation(_removable_queue(name))
    if request.method != "POST":
        return render_confirmation(question)
    if question.refusal:
        return render_confirmation(question), 409
    try:
        remove_queue(name)
    except QueueInUse:  # since the page was loaded
        return render_confirmation(_remove_confirmation(_removable_queue(name))), 409
    flash(_("The queue %(name)s was removed.", name=name))
    return redirect(url_for("queues.index"), 303)


def pause_everything(reason: str) -> None:
    """Pause everything for the signed-in user; pages and the API call this and the next functions."""
    with audited(AuditAction.EVERYTHING_PAUSE, AuditTarget.INSTALLATION, after={"reason": reason}):
        services().global_pause.pause(reason=reason, by=signed_in().id)


def resume_everything() -> None:
    """Resume after a pause of everything; the clock wakes the workers within a second."""
    pause = services().global_pause.get()
    before = {"reason": pause.reason if pause else ""}
    with audited(AuditAction.EVERYTHING_RESUME, AuditTarget.INSTALLATION, before=before):
        services().global_pause.resume()


def add_queue(name: str) -> Queue:
    """Add a queue that no job type names; raise `ValueError`. The API calls it."""
    with audited(AuditAction.QUEUE_ADD, AuditTarget.QUEUE, name):
        return services().queues.add(name)


def pause_queue(name: str, reason: str) -> None:
    """Pause a queue for the signed-in user."""
    with audited(AuditAction.QUEUE_PAUSE, AuditTarget.QUEUE, name, after={"reason": reason}):
        services().queues.pause(name, reason=reason, by=signed_in().id)


def resume_queue(name: str) -> None:
    """Resume a paused queue."""
    before = {"reason": services().queues.get(name).reason}
    with audited(AuditAction.QUEUE_RESUME, AuditTarget.QUEUE, name, before=before):
        services().queues.resume(name)
    services().wake_ups.push(name)


def limit_queue(name: str, limit: int | None) -> None:
    """Limit how many jobs of a queue run at the same time; None removes the limit."""
    change = {"before": {"limit": services().queues.get(name).max_running}, "after": {"limit": limit}}
    with audited(AuditAction.QUEUE_LIMIT, AuditTarget.QUEUE, name, **change):
        services().queues.limit(name, limit)
    services().wake_ups.push(name)


def empty_queue(name: str) -> tuple[int, Job | None]:
    """Stop the waiting jobs of a queue for a few seconds; return how many, and the job that stops the others."""
    by, waiting = signed_in().id, services().queues.count_queued(name)
    stopped = services().queues.empty(
        name, lambda ids: services().jobs.cancel_many(ids, by=by), seconds=_SECONDS_TO_EMPTY
    )
    change = {"before": {"waiting": waiting}, "after": {"stopped": stopped}}
    record_audit(AuditAction.QUEUE_EMPTY, AuditTarget.QUEUE, name, **change)
    if stopped >= waiting or not services().queues.count_queued(name):
        return stopped, None
    others = BulkActionPayload(action=BulkAction.STOP, status=Status.QUEUED, tab="waiting", queue=name)
    return stopped, start_bulk_action_job(others)


def remove_queue(name: str) -> None:
    """Remove a queue that nothing uses; raise `QueueInUse`."""
    with audited(AuditAction.QUEUE_REMOVE, AuditTarget.QUEUE, name):
        services().queues.remove(name)


@bp.app_template_global()
def jobs_url(**filters: Any) -> str:
    """Return the URL of the filtered list of all jobs, child jobs included; empty if there is no such page."""
    return url_for(_JOBS_ENDPOINT, children=1, **filters) if _JOBS_ENDPOINT in current_app.view_functions else ""


def _list_page() -> dict[str, Any]:
    return _page(_queue_views(services()))


def _queue_page(name: str) -> dict[str, Any]:
    queue = _removable_queue(name)
    return {**_page((queue,)), "queue": queue}


def _charts(name: str) -> dict[str, Any]:
    """Return the charts of a queue; they are not polled, because their figures are those of whole hours."""
    period, metrics = chosen_range(viewer_context()), services().metrics
    return {
        "period": period,
        "periods": PERIODS,
        "waits": wait_series(metrics.wait_times_by_hour(period.start, queue=name), period.bins),
        "throughput": throughput(metrics.count_runs_by_hour(period.start, queue=name), period.bins),
    }


def _page(queues: tuple[QueueView, ...]) -> dict[str, Any]:
    return {"queues": queues, **polling_context(queues, _POLL_SECONDS)}


def _find_queue(name: str) -> QueueView:
    return next((queue for queue in _queue_views(services()) if queue.name == name), None) or abort(404)


def _removable_queue(name: str) -> QueueView:
    """Return a queue that knows whether it can be removed."""
    return replace(_find_queue(name), can_be_removed=not services().queues.reason_to_keep(name))


def _redirect_to(name: str) -> ResponseReturnValue:
    return redirect(url_for("queues.show", name=name), 303)


def _pause_confirmation(queue: QueueView) -> Confirmation:
    running = ngettext("%(num)s running job continues.", "%(num)s running jobs continue.", queue.running)
    return Confirmation(
        title=_("Pause the queue %(name)s?", name=queue.name),
        effect=_("Workers start no jobs from this queue until it is resumed. Waiting jobs keep their place."),
        notes=(running,) if queue.running else (),
        action=_("Pause queue"),
        keep=_("Don't pause"),
        post=url_for("queues.pause", name=queue.name),
        back=url_for("queues.show", name=queue.name),
        harmful=False,
    )


def _pause_all_confirmation() -> Confirmation:
    return Confirmation(
        title=_("Pause everything?"),
        effect=_("No job of any queue starts until someone resumes. Running jobs continue."),
        notes=(_("Notifications by mail, webhook and chat are jobs, so they wait too."),),
        action=_("Pause everything"),
        keep=_("Don't pause"),
        post=url_for("queues.pause_all"),
        back=url_for("queues.index"),
        harmful=False,
    )


def _empty_confirmation(queue: QueueView) -> Confirmation:
    return Confirmation(
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
        refusal="" if queue.waiting else _("No jobs are waiting in this queue."),
    )


def _remove_confirmation(queue: QueueView) -> Confirmation:
    return Confirmation(
        title=_("Remove the queue %(name)s?", name=queue.name),
        effect=_("Its limit is removed too. Finished jobs keep the name of the queue. No other jobs are affected."),
        action=_("Remove queue"),
        keep=_("Don't remove"),
        post=url_for("queues.remove", name=queue.name),
        back=url_for("queues.show", name=queue.name),
        refusal="" if queue.can_be_removed else _("A job type, a schedule or an unfinished job uses this queue."),
    )


def _queue_views(services: Services) -> tuple[QueueView, ...]:
    queues = services.queues.all()
    context = viewer_context(queue.paused_by for queue in queues)
    figures = _QueueFigures(
        loads=services.queues.loads(),
        longest_waits=services.queues.oldest_waits(),
        latencies=services.queues.latencies(),
        workers=services.workers.count_by_queue(),
    )
    return tuple(_queue_view(queue, figures, context) for queue in queues)


def _queue_view(queue: Queue, figures: _QueueFigures, context: ViewerContext) -> QueueView:
    load = figures.loads.get(queue.name, QueueLoad())
    longest, latency = figures.longest_waits.get(queue.name), figures.latencies.get(queue.name)
    workers = figures.workers.get(queue.name, 0)
    return QueueView(
        name=queue.name,
        look=_status_label(queue, load, workers),
        waiting=load.waiting,
        oldest=rough_duration(longest) if longest is not None else "",
        p95=rough_duration(latency.p95) if latency else "",
        samples=latency.samples if latency else 0,
        running=load.running,
        limit=queue.max_running,
        workers=workers,
        paused_at=context.when(queue.paused_at) if queue.paused_at else None,
        paused_by=context.name(queue.paused_by) if queue.paused_by else _("the command line"),
        reason=queue.reason,
    )


def _status_label(queue: Queue, load: QueueLoad, workers: int) -> StatusLabel:
    if queue.paused_at:
        return StatusLabel(_("Paused"), "attention", "player-pause")
    if not workers:
        return StatusLabel(_("No worker"), "failed" if load.waiting else "waiting", "alert-triangle")
    if load.running:
        return StatusLabel(_("Running"), "running", "loader-2")
    return StatusLabel(_("Ready"), "done", "check")
