"""What the page of workers says of each one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from redis import RedisError

from webapp.jobs.presence import Wish
from webapp.jobs.workers import Worker
from webapp.services import Services
from webapp.version import version
from webapp.views.locales import size
from webapp.views.moments import Moment, rough
from webapp.views.reader import Reader, reader
from webapp.views.texts import gettext as _
from webapp.views.wording import Look

_FRESH = timedelta(seconds=15)  # a beat so young is an ordinary one


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker as people read it; ``job_id`` is None for a job that this reader may not see."""

    name: str
    host: str
    pid: int | None
    queues: tuple[str, ...]
    look: Look
    sentence: str
    heard: str
    job_id: UUID | None
    job_title: str
    job_since: Moment | None
    started: Moment | None
    memory: str
    horse_memory: str
    done: int
    failed: int
    version: str
    is_other_version: bool
    refusal: str
    wish: Wish | None

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
    found, away = _found(services)
    reading = reader(one.wished_by for one in found)
    return WorkerList(workers=tuple(worker_view(one, reading) for one in found), redis_is_away=away)


def worker_view(one: Worker, reading: Reader) -> WorkerView:
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
        heard=_heard(one.silent_for),
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
        wish=one.wish,
    )


def _found(services: Services) -> tuple[tuple[Worker, ...], bool]:
    try:
        return services.workers.all(), False
    except RedisError:
        return services.workers.at_work(), True


def _look(state: str) -> Look:
    looks: Mapping[str, Look] = {
        "busy": Look(_("Working"), "running", "loader-2"),
        "idle": Look(_("Idle"), "waiting", "clock"),
        "stopping": Look(_("Stopping…"), "attention", "player-stop"),
        "lost": Look(_("Lost"), "failed", "unlink"),
    }
    return looks.get(state, looks["idle"])


def _sentence(one: Worker, reading: Reader) -> str:
    if one.state == "lost":
        return _("It went silent. What it held is given to others once its lease is over.")
    if one.wish is None:
        return ""
    who = reading.name(one.wished_by) if one.wished_by else _("the command line")
    if one.wish is Wish.NOW:
        return _("Asked by %(who)s to stop now: its job is handed back.", who=who)
    return _("Asked by %(who)s to stop after its job.", who=who)


def _heard(silence: timedelta | None) -> str:
    if silence is None:
        return _("never")
    return _("just now") if silence < _FRESH else _("%(time)s ago", time=rough(silence))


def _refusal(one: Worker) -> str:
    if not one.known:
        return _("It runs by hand or with an older program, so it can only be stopped where it runs.")
    if one.state == "lost":
        return _("It is silent and would not hear it.")
    return _("It was asked to stop now already.") if one.wish is Wish.NOW else ""
