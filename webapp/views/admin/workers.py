"""The workers: who is there, what each one runs; and their end, asked for through the database.

What the page of workers says of each one.
"""

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

_FRESH = timedelta(seconds=15)  # a beat so young is an ordinary one


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker as people read it; ``job_id`` is None for a job that this reader may not see."""

    name: str
    host: str
    pid: int | None
    queues: tuple[str, ...]
    look: StatusLabel
    sentence: str
    heard: str
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
    wish: StopRequest | None

    @property
    def short_name(self) -> str:
        """The beginning of its name, as `deskjob worker stop` takes it."""
        return self.name[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerList:
    """All workers, and whether Redis could be asked for those that have no row."""

    workers: tuple[WorkerView, ...]
    redis_is_away: bool


def worker_list(services: Services) -> WorkerList:
    """Describe every worker that is there, or was until just now."""
    found, away = _all_workers(services)
    reading = viewer_context(one.stop_requested_by for one in found)
    return WorkerList(workers=tuple(worker_view(one, reading) for one in found), redis_is_away=away)


def worker_view(one: Worker, reading: ViewerContext) -> WorkerView:
    """Describe one worker."""
    tenant = reading.viewer.tenant
    seen = one.job_id is not None and tenant in {None, one.job_tenant}
    return WorkerView(
        name=one.name,
        host=one.host,
        pid=one.pid,
        queues=one.queues,
        look=_look(one.state),
        sentence=_sentence(one, reading),
        heard=_last_seen(one.silent_for),
        job_id=one.job_id if seen else None,
        job_title=(one.job_title or "") if seen else "",
        job_since=reading.when(one.job_started_at) if seen and one.job_started_at else None,
        started=reading.when(one.started_at) if one.started_at else None,
        memory=size(one.memory) if one.memory else "",
        horse_memory=size(one.horse_memory) if one.horse_memory else "",
        done=one.done,
        failed=one.failed,
        version=one.version,
        is_other_version=one.version not in {"", version()},
        refusal=_refusal(one),
        wish=one.stop_request,
    )


def _all_workers(services: Services) -> tuple[tuple[Worker, ...], bool]:
    try:
        return services.workers.all(), False
    except RedisError:
        return services.workers.in_database(), True


def _look(state: str) -> StatusLabel:
    looks: Mapping[str, StatusLabel] = {
        "busy": StatusLabel(_("Working"), "running", "loader-2"),
        "idle": StatusLabel(_("Idle"), "waiting", "clock"),
        "stopping": StatusLabel(_("Stopping…"), "attention", "player-stop"),
        "lost": StatusLabel(_("Lost"), "failed", "unlink"),
    }
    return looks.get(state, looks["idle"])


def _sentence(one: Worker, reading: ViewerContext) -> str:
    if one.state == "lost":
        return _("It stopped responding. Its job goes to another worker when its lease expires.")
    if one.stop_request is None:
        return ""
    who = reading.name(one.stop_requested_by) if one.stop_requested_by else _("the command line")
    if one.stop_request is StopRequest.NOW:
        return _("Stop requested by %(who)s. Its job goes back to the queue.", who=who)
    return _("Stop after current job requested by %(who)s.", who=who)


def _last_seen(silence: timedelta | None) -> str:
    if silence is None:
        return _("never")
    return _("just now") if silence < _FRESH else _("%(time)s ago", time=rough_duration(silence))


def _refusal(one: Worker) -> str:
    if not one.has_row:
        return _("It was started by another command or an older version, so you can stop it only on its own machine.")
    if one.state == "lost":
        return _("It does not respond, so it cannot be stopped from here.")
    return _("It is already stopping.") if one.stop_request is StopRequest.NOW else ""


bp = Blueprint("workers", __name__, url_prefix="/admin/workers")
require_for_all(bp, Right.SEE_INSTALLATION)
_POLL_SECONDS = 5.0


@bp.get("")
def index() -> ResponseReturnValue:
    """List the workers of every machine."""
    return render_template("admin/workers/index.html", **_page())


@bp.get("/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the list; 304 if nothing did."""
    return poll_response("admin/workers/_live.html", _page())


@bp.post("/<name>/drain")
@require(Right.STOP_WORKERS)
def drain(name: str) -> ResponseReturnValue:
    """Have a worker end after the job that it runs."""
    return _stop(_find_worker(name), StopRequest.DRAIN, AuditAction.WORKER_DRAIN)


@bp.route("/<name>/stop", methods=["GET", "POST"])
@require(Right.STOP_WORKERS)
def stop(name: str) -> ResponseReturnValue:
    """Ask whether it is meant, then have a worker hand its job back and end."""
    worker = _find_worker(name)
    if request.method == "GET":
        return render_confirmation(_stopping(worker))
    return _stop(worker, StopRequest.NOW, AuditAction.WORKER_STOP)


def _stop(worker: WorkerView, wish: StopRequest, action: AuditAction) -> ResponseReturnValue:
    if worker.refusal:
        abort(409, worker.refusal)
    where = f"{worker.host}, {worker.pid}"
    try:
        with audited(
            action, AuditTarget.WORKER, worker.name, name=where, before={"wish": worker.wish}, after={"wish": wish}
        ):
            services().workers.stop(worker.name, wish, by=signed_in().id)
    except WorkerNotFound as error:
        abort(409, str(error))
    flash(_("The worker will stop. Its pool starts a new one."))
    return redirect(url_for("workers.index"), 303)


def _stopping(worker: WorkerView) -> Confirmation:
    return Confirmation(
        title=_("Stop worker %(pid)s on %(host)s now?", pid=worker.pid, host=worker.host),
        effect=_("The worker stops, and its pool starts a new one."),
        notes=_what_becomes_of(worker),
        action=_("Stop now"),
        keep=_("Don't stop"),
        post=url_for("workers.stop", name=worker.name),
        back=url_for("workers.index"),
        refusal=worker.refusal,
    )


def _what_becomes_of(worker: WorkerView) -> tuple[str, ...]:
    if not worker.job_title:
        return ()
    grace = rough_duration(timedelta(seconds=services().settings.stop_grace_seconds))
    return (
        _("Its job “%(title)s” goes back to the queue and resumes from its checkpoint.", title=worker.job_title),
        _("The job has %(time)s to stop; then it is killed.", time=grace),
        _("To let the job finish first, choose “Stop after current job”."),
    )


def _page() -> dict[str, Any]:
    found = worker_list(services())
    return {"list": found, **polling_context(found, _POLL_SECONDS)}


def _find_worker(name: str) -> WorkerView:
    return next((worker for worker in worker_list(services()).workers if worker.name == name), None) or abort(404)
