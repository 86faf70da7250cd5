"""Health problems of the installation as sentences that say what to do, most severe first. Reads only a snapshot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs.monitoring.clock_heartbeat import SILENT_AFTER
from webapp.jobs.monitoring.clock_skew import LARGE_SKEW
from webapp.jobs.monitoring.snapshot import HealthSnapshot, SilentJob
from webapp.views.text.date_format import duration, rough_duration
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

LONG_WAIT = timedelta(minutes=10)
SILENT_WORKER = timedelta(minutes=1)
FULL, ALMOST_FULL = 0.95, 0.85
_LEAST_JOBS = 20  # with fewer finished jobs, the share of failures means nothing
_MANY_FAILED, _MOST_FAILED = 0.2, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem. ``tone`` is "failed" or "attention"; ``endpoint`` is the page where it can be solved."""

    tone: str
    title: str
    advice: str
    endpoint: str = ""
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentOutcomes:
    """How many jobs finished in the last hour or two, and how many of them failed."""

    ended: int
    failed: int


def find_problems(
    health: HealthSnapshot, recent: RecentOutcomes, *, counts_are_late: bool = False
) -> tuple[Problem, ...]:
    """Return the problems of an installation; none if it is healthy."""
    problems = [problem for check in _CHECKS for problem in check(health)]
    problems += _many_failures(recent)
    problems += _late_counts() if counts_are_late else ()
    return tuple(sorted(problems, key=lambda problem: problem.tone != "failed"))


def _redis(health: HealthSnapshot) -> Iterator[Problem]:
    if health.redis is None:
        yield Problem(
            tone="failed",
            title=_("Redis is not responding."),
            advice=_("No jobs are lost. Waiting jobs start when Redis is back."),
            endpoint="system.index",
        )
    elif health.redis.share >= ALMOST_FULL:
        yield Problem(
            tone=_tone(health.redis.share),
            title=_("Redis is %(share)s full.", share=f"{health.redis.share:.0%}"),
            advice=_("Give Redis more memory. When it is full, workers are no longer notified of new jobs."),
            endpoint="system.index",
        )


def _disk(health: HealthSnapshot) -> Iterator[Problem]:
    if health.disk.share >= ALMOST_FULL:
        yield Problem(
            tone=_tone(health.disk.share),
            title=_("The disk that stores job files is %(share)s full.", share=f"{health.disk.share:.0%}"),
            advice=_(
                "Free up space or keep files for a shorter time. When the disk is full, jobs that write files fail."
            ),
            endpoint="system.index",
        )


def _scheduler(health: HealthSnapshot) -> Iterator[Problem]:
    silence = health.clock_silent_for
    if silence is not None and silence <= SILENT_AFTER:
        return
    title = _("The scheduler has never run.")
    if silence is not None:
        title = _("The scheduler has been silent for %(period)s.", period=duration(silence))
    yield Problem(
        tone="failed",
        title=title,
        advice=_(
            "Start it with “deskjob clock”. Until then, scheduled jobs do not start and lost jobs are not detected."
        ),
        endpoint="system.index",
    )


def _clock(health: HealthSnapshot) -> Iterator[Problem]:
    if abs(health.clock_skew) >= LARGE_SKEW:
        period = rough_duration(abs(health.clock_skew))
        ahead = _("The clock of this web server is %(period)s ahead of that of the database.", period=period)
        behind = _("The clock of this web server is %(period)s behind that of the database.", period=period)
        yield Problem(
            tone="attention",
            title=ahead if health.clock_skew > timedelta(0) else behind,
            advice=_("Let both set their clocks by NTP. Jobs follow the clock of the database."),
            endpoint="system.index",
        )


def _queues_without_worker(health: HealthSnapshot) -> Iterator[Problem]:
    if health.redis is None:
        return  # without Redis, the queues of some workers are unknown
    served = {queue for worker in health.workers for queue in worker.queues}
    for queue in health.waiting_queues:
        if queue not in served and queue not in health.paused_queues:
            yield Problem(
                tone="failed",
                title=_("No worker listens to the queue %(queue)s.", queue=queue),
                advice=_("Its jobs wait until you start one: “deskjob worker --queues %(queue)s”.", queue=queue),
                endpoint="admin_jobs.index",
                arguments=(("tab", "waiting"), ("queue", queue), ("children", "1")),
            )


def _long_wait(health: HealthSnapshot) -> Iterator[Problem]:
    longest = health.longest_wait
    if longest is not None and longest.waited > LONG_WAIT:
        yield Problem(
            tone="attention",
            title=_("A job has been waiting for %(period)s.", period=rough_duration(longest.waited)),
            advice=_("Add workers for the queue %(queue)s.", queue=longest.queue),
            endpoint="admin_jobs.index",
            arguments=(("tab", "waiting"), ("queue", longest.queue), ("children", "1")),
        )


def _silent_workers(health: HealthSnapshot) -> Iterator[Problem]:
    for worker in health.workers:
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


def _silent_jobs(health: HealthSnapshot) -> Iterator[Problem]:
    if health.silent_jobs:
        longest = health.silent_jobs[0]
        yield Problem(
            tone="attention",
            title=ngettext(
                "%(num)s running job has reported nothing for %(period)s.",
                "%(num)s running jobs have reported nothing for up to %(period)s.",
                len(health.silent_jobs),
                period=rough_duration(longest.silent_for),
            ),
            advice=_silence_advice(longest),
            endpoint="jobs.show",
            arguments=(("job_id", str(longest.job_id)),),
        )


def _silence_advice(job: SilentJob) -> str:
    if job.usual_silence is None:
        return _("That is longer than usual. Look at “%(title)s”, and stop it if it is stuck.", title=job.title)
    return _(
        "Such jobs usually report something every %(period)s. Look at “%(title)s”, and stop it if it is stuck.",
        period=duration(max(job.usual_silence, timedelta(seconds=1))),
        title=job.title,
    )


def _everything_paused(health: HealthSnapshot) -> Iterator[Problem]:
    if health.everything_paused:
        yield Problem(
            tone="attention",
            title=_("Everything is paused."),
            advice=_("No job starts until it is resumed."),
            endpoint="queues.index",
        )


def _paused_queues(health: HealthSnapshot) -> Iterator[Problem]:
    for queue in health.paused_queues:
        yield Problem(
            tone="attention",
            title=_("The queue %(queue)s is paused.", queue=queue),
            advice=_("Its jobs wait until the queue is resumed."),
            endpoint="queues.index",
        )


def _many_failures(recent: RecentOutcomes) -> Iterator[Problem]:
    if recent.ended < _LEAST_JOBS or recent.failed < _MANY_FAILED * recent.ended:
        return
    yield Problem(
        tone="failed" if recent.failed >= _MOST_FAILED * recent.ended else "attention",
        title=_("%(failed)s of the last %(ended)s jobs failed.", failed=recent.failed, ended=recent.ended),
        advice=_("See the errors they share."),
        endpoint="admin_errors.index",
    )


def _late_counts() -> Iterator[Problem]:
    yield Problem(
        tone="attention",
        title=_("The figures are incomplete."),
        advice=_("Many jobs have finished that the scheduler has not counted yet. It counts them when it runs."),
        endpoint="system.index",
    )


def _tone(share: float) -> str:
    return "failed" if share >= FULL else "attention"


_CHECKS: tuple[Callable[[HealthSnapshot], Iterator[Problem]], ...] = (
    *(_redis, _scheduler, _disk, _clock),
    *(_queues_without_worker, _long_wait, _silent_workers, _silent_jobs, _everything_paused, _paused_queues),
)
