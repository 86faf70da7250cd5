"""What is wrong with an installation, in sentences that say what to do, the worst first. Pure but for the words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs.monitoring.clock_heartbeat import SILENT_AFTER
from webapp.jobs.monitoring.snapshot import HealthSnapshot
from webapp.views.text.date_format import duration, rough_duration
from webapp.views.text.translations import gettext as _

LONG_WAIT = timedelta(minutes=10)
SILENT_WORKER = timedelta(minutes=1)
FULL, ALMOST_FULL = 0.95, 0.85
_ENOUGH_ENDED = 20  # jobs: of fewer, a share says nothing
_MANY_FAILED, _MOST_FAILED = 0.2, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. ``tone`` is failed or attention; ``endpoint`` leads to where it is dealt with."""

    tone: str
    title: str
    advice: str
    endpoint: str = ""
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentOutcomes:
    """How many jobs ended in the last hour or two, and how many of them failed."""

    ended: int
    failed: int


def find_problems(found: HealthSnapshot, recent: RecentOutcomes) -> tuple[Problem, ...]:
    """Return what is wrong; nothing is the best answer."""
    all_ = [problem for check in _CHECKS for problem in check(found)]
    all_ += _failures(recent)
    return tuple(sorted(all_, key=lambda problem: problem.tone != "failed"))


def _redis(found: HealthSnapshot) -> Iterator[Problem]:
    if found.redis is None:
        yield Problem(
            tone="failed",
            title=_("Redis is not responding."),
            advice=_("No jobs are lost. Waiting jobs start when Redis is back."),
            endpoint="system.index",
        )
    elif found.redis.share >= ALMOST_FULL:
        yield Problem(
            tone=_tone(found.redis.share),
            title=_("Redis is %(share)s full.", share=f"{found.redis.share:.0%}"),
            advice=_("Give Redis more memory. When it is full, workers are no longer notified of new jobs."),
            endpoint="system.index",
        )


def _disk(found: HealthSnapshot) -> Iterator[Problem]:
    if found.disk.share >= ALMOST_FULL:
        yield Problem(
            tone=_tone(found.disk.share),
            title=_("The disk that stores job files is %(share)s full.", share=f"{found.disk.share:.0%}"),
            advice=_(
                "Free up space or keep files for a shorter time. When the disk is full, jobs that write files fail."
            ),
            endpoint="system.index",
        )


def _clock(found: HealthSnapshot) -> Iterator[Problem]:
    silent = found.clock_silent_for
    if silent is None or silent > SILENT_AFTER:
        since = (
            _("The scheduler has never run.")
            if silent is None
            else _("The scheduler has been silent for %(period)s.", period=duration(silent))
        )
        yield Problem(
            tone="failed",
            title=since,
            advice=_(
                "Start it with “deskjob clock”. Until then, scheduled jobs do not start and lost jobs are not detected."
            ),
            endpoint="system.index",
        )


def _queues(found: HealthSnapshot) -> Iterator[Problem]:
    if found.redis is None:
        return  # who listens cannot be known
    listened = {queue for worker in found.workers for queue in worker.queues}
    for queue in found.waiting_queues:
        if queue not in listened and queue not in found.paused_queues:
            yield Problem(
                tone="failed",
                title=_("No worker listens to the queue %(queue)s.", queue=queue),
                advice=_("Its jobs wait until you start one: “deskjob worker --queues %(queue)s”.", queue=queue),
                endpoint="admin_jobs.index",
                arguments=(("tab", "waiting"), ("queue", queue)),
            )


def _waits(found: HealthSnapshot) -> Iterator[Problem]:
    oldest = found.longest_wait
    if oldest is not None and oldest.waited > LONG_WAIT:
        yield Problem(
            tone="attention",
            title=_("A job has been waiting for %(period)s.", period=rough_duration(oldest.waited)),
            advice=_("Add workers for the queue %(queue)s.", queue=oldest.queue),
            endpoint="admin_jobs.index",
            arguments=(("tab", "waiting"), ("queue", oldest.queue)),
        )


def _workers(found: HealthSnapshot) -> Iterator[Problem]:
    for worker in found.workers:
        if worker.silent_for is not None and worker.silent_for > SILENT_WORKER:
            yield Problem(
                tone="attention",
                title=_("The worker %(name)s is not responding.", name=worker.name),
                advice=_(
                    "Its last heartbeat was %(period)s ago. The scheduler will take care of its job.",
                    period=duration(worker.silent_for),
                ),
                endpoint="workers.index",
            )


def _paused(found: HealthSnapshot) -> Iterator[Problem]:
    for queue in found.paused_queues:
        yield Problem(
            tone="attention",
            title=_("The queue %(queue)s is paused.", queue=queue),
            advice=_("Its jobs wait until the queue is resumed."),
            endpoint="queues.index",
        )


def _failures(recent: RecentOutcomes) -> Iterator[Problem]:
    if recent.ended < _ENOUGH_ENDED or recent.failed < _MANY_FAILED * recent.ended:
        return
    yield Problem(
        tone="failed" if recent.failed >= _MOST_FAILED * recent.ended else "attention",
        title=_("%(failed)s of the last %(ended)s jobs failed.", failed=recent.failed, ended=recent.ended),
        advice=_("See the errors they share."),
        endpoint="admin_errors.index",
    )


def _tone(share: float) -> str:
    return "failed" if share >= FULL else "attention"


_CHECKS: tuple[Callable[[HealthSnapshot], Iterator[Problem]], ...] = (
    *(_redis, _clock, _disk),
    *(_queues, _waits, _workers, _paused),
)
