"""Workers of all machines: list them with their current jobs, and stop one through the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from redis import RedisError

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.permissions import Right
from webapp.jobs.execution.worker_heartbeat import StopRequest
from webapp.jobs.monitoring.workers import Worker, WorkerNotFound
from webapp.services import Services
from webapp.version import version
from webapp.views.page.audit_log import audited
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import require, require_for_all
from webapp.views.page.polling import poll_response, polling_context
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, rough_duration
from webapp.views.text.number_format import size
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.translations import gettext as _

bp = Blueprint("workers", __name__, url_prefix="/admin/workers")
require_for_all(bp, Right.SEE_INSTALLATION)
_POLL_SECONDS = 5.0
_JUST_NOW = timedelta(seconds=15)  # longer than the usual time between two heartbeats


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker for display. ``job_id`` is None for a job that the viewer may not see.

    With ``refusal``, it cannot be stopped from the page, and this is the reason.
    """

    name: str
    host: str
    pid: int | None
    queues: tuple[str, ...]
    look: StatusLabel
    note: str
    last_seen: str
    job_id: UUID | None
    job_title: str
    job_since: FormattedTime | None
    started: FormattedTime | None
    memory: str
    horse_memory: str
    done: int
    failed: int
    version: str
    is_other_version: bool
    refusal: str
    stop_request: StopRequest | None

    @property
    def short_name(self) -> str:
        """The first characters of its name, which are enough for `deskjob worker stop`."""
        return self.name[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerList:
    """All known workers; without Redis, workers that have no row in the database are missing."""

    workers: tuple[WorkerView, ...]
    redis_is_away: bool


@bp.get("")
def index() -> ResponseReturnValue:
    """List the workers of all machines."""
    return render_template("admin/workers/index.html", **_page())


@bp.get("/_live")
def live() -> ResponseReturnValue:
    """Answer a poll of the list; 304 if nothing changed."""
    return poll_response("admin/workers/_live.html", _page())


@bp.post("/<name>/drain")
@require(Right.STOP_WORKERS)
def drain(name: str) -> ResponseReturnValue:
    """Stop a worker after its current job."""
    return _stop(_find_worker(name), StopRequest.DRAIN)


@bp.route("/<name>/stop", methods=["GET", "POST"])
@require(Right.STOP_WORKERS)
def stop(name: str) -> ResponseReturnValue:
    """Ask for confirmation, then stop a worker; its job goes back to the queue."""
    worker = _find_worker(name)
    if request.method != "POST":
        return render_confirmation(_stop_confirmation(worker))
    return _stop(worker, StopRequest.NOW)


def _page() -> dict[str, Any]:
    workers = _worker_list(services())
    return {"list": workers, **polling_context(workers, _POLL_SECONDS)}


def _find_worker(name: str) -> WorkerView:
    return next((worker for worker in _worker_list(services()).workers if worker.name == name), None) or abort(404)


def _stop(worker: WorkerView, stop_request: StopRequest) -> ResponseReturnValue:
    stop_worker(worker.name, stop_request)
    flash(_("The worker will stop. Its pool starts a new one."))
    return redirect(url_for("workers.index"), 303)


def stop_worker(name: str, stop_request: StopRequest) -> None:
    """Stop a worker now or after its job, for the signed-in user; end the request with 404 or 409 if it cannot be."""
    worker = _find_worker(name)
    if worker.refusal:
        abort(409, worker.refusal)
    action = AuditAction.WORKER_DRAIN if stop_request is StopRequest.DRAIN else AuditAction.WORKER_STOP
    place = f"{worker.host}, {worker.pid}"
    change = {"before": {"wish": worker.stop_request}, "after": {"wish": stop_request}}
    try:
        with audited(action, AuditTarget.WORKER, worker.name, name=place, **change):
            services().workers.stop(worker.name, stop_request, by=signed_in().id)
    except WorkerNotFound as error:
        abort(409, str(error))


def _stop_confirmation(worker: WorkerView) -> Confirmation:
    return Confirmation(
        title=_("Stop worker %(pid)s on %(host)s now?", pid=worker.pid, host=worker.host),
        effect=_("The worker stops, and its pool starts a new one."),
        notes=_effect_on_job(worker),
        action=_("Stop now"),
        keep=_("Keep running"),
        post=url_for("workers.stop", name=worker.name),
        back=url_for("workers.index"),
        refusal=worker.refusal,
    )


def _effect_on_job(worker: WorkerView) -> tuple[str, ...]:
    if not worker.job_title:
        return ()
    grace = rough_duration(timedelta(seconds=services().settings.stop_grace_seconds))
    return (
        _("Its job “%(title)s” goes back to the queue and resumes from its checkpoint.", title=worker.job_title),
        _("The job has %(time)s to stop; then it is killed.", time=grace),
        _("To let the job finish first, choose “Stop after current job”."),
    )


def _worker_list(services: Services) -> WorkerList:
    """Describe all workers that are running, and lost ones until their jobs are recovered."""
    try:
        workers, redis_is_away = services.workers.all(), False
    except RedisError:
        workers, redis_is_away = services.workers.in_database(), True
    context = viewer_context(worker.stop_requested_by for worker in workers)
    return WorkerList(workers=tuple(_worker_view(worker, context) for worker in workers), redis_is_away=redis_is_away)


def _worker_view(worker: Worker, context: ViewerContext) -> WorkerView:
    tenant = context.viewer.tenant
    job_visible = worker.job_id is not None and tenant in {None, worker.job_tenant}
    return WorkerView(
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        queues=worker.queues,
        look=_status_label(worker.state),
        note=_status_note(worker, context),
        last_seen=_last_seen(worker.silent_for),
        job_id=worker.job_id if job_visible else None,
        job_title=(worker.job_title or "") if job_visible else "",
        job_since=context.when(worker.job_started_at) if job_visible and worker.job_started_at else None,
        started=context.when(worker.started_at) if worker.started_at else None,
        memory=size(worker.memory) if worker.memory else "",
        horse_memory=size(worker.horse_memory) if worker.horse_memory else "",
        done=worker.done,
        failed=worker.failed,
        version=worker.version,
        is_other_version=worker.version not in {"", version()},
        refusal=_refusal(worker),
        stop_request=worker.stop_request,
    )


def _status_label(state: str) -> StatusLabel:
    labels: Mapping[str, StatusLabel] = {
        "busy": StatusLabel(_("Working"), "running", "loader-2"),
        "idle": StatusLabel(_("Idle"), "waiting", "clock"),
        "stopping": StatusLabel(_("Stopping…"), "attention", "player-stop"),
        "lost": StatusLabel(_("Lost"), "failed", "unlink"),
    }
    return labels.get(state, labels["idle"])


def _status_note(worker: Worker, context: ViewerContext) -> str:
    if worker.state == "lost":
        return _("It stopped responding. Its job goes to another worker when its lease expires.")
    if worker.stop_request is None:
        return ""
    who = context.name(worker.stop_requested_by) if worker.stop_requested_by else _("the command line")
    if worker.stop_request is StopRequest.NOW:
        return _("Stop requested by %(who)s. Its job goes back to the queue.", who=who)
    return _("Stop after current job requested by %(who)s.", who=who)


def _last_seen(silence: timedelta | None) -> str:
    if silence is None:
        return _("never")
    return _("just now") if silence < _JUST_NOW else _("%(time)s ago", time=rough_duration(silence))


def _refusal(worker: Worker) -> str:
    if not worker.has_row:
        return _("It was started by another command or an older version, so you can stop it only on its own machine.")
    if worker.state == "lost":
        return _("It does not respond, so it cannot be stopped from here.")
    return _("It is already stopping.") if worker.stop_request is StopRequest.NOW else ""
