"""One sentence on how a job stands, and one more on what to expect. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from webapp.jobs.job import Job, Status
from webapp.jobs.progress import time_left
from webapp.jobs.prospects import PLACES
from webapp.views.moments import SPACE, about, moment, rough, span
from webapp.views.wording import counted, ordinal, percent, sentence, which_attempt

_GUESS_AFTER = timedelta(seconds=3)
_LATE = 2  # times the usual duration
_LATE_BY = timedelta(seconds=10)  # more than that, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One sentence on how a job stands, and one more on what to expect; the second may be empty."""

    fact: str
    outlook: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a sentence on a job is made from. ``None`` is "not known"."""

    job: Job
    now: datetime
    zone: ZoneInfo
    place: int | None = None
    workers: int | None = None
    usual: timedelta | None = None
    stopped_by: str = ""


def saying(facts: Facts) -> Saying:
    """Say how the job stands."""
    if facts.job.cancel_requested_at and not facts.job.is_finished:
        by = f" by {facts.stopped_by}" if facts.stopped_by else ""
        return Saying(fact=f"Asked to stop{by}.", outlook="It ends as soon as its current step is done.")
    return _SAYINGS[facts.job.status](facts)


def expectation(facts: Facts) -> str:
    """Say how much longer a running job may take; nothing where nobody can know. A part of a sentence."""
    elapsed, known = _elapsed(facts), percent(facts.job) or 0.0
    left = time_left(elapsed, known, facts.usual)
    if left is not None and elapsed >= _GUESS_AFTER:
        return f"{about(left)} left"
    if facts.usual is None:
        return ""
    if elapsed > max(facts.usual * _LATE, facts.usual + _LATE_BY):
        return f"takes longer than usual ({rough(facts.usual)})"
    return f"usually takes {rough(facts.usual)}"


def _held(_: Facts) -> Saying:
    return Saying(fact="It is being prepared.", outlook="It waits until everything that it needs is there.")


def _scheduled(facts: Facts) -> Saying:
    job = facts.job
    due = moment(job.run_at, facts.now, facts.zone).text if job.run_at and job.run_at > facts.now else "any moment"
    if job.attempt:
        fact = f"{which_attempt(job, job.attempt).capitalize()} failed."
        return Saying(fact=fact, outlook=f"The next one starts {due}.")
    return Saying(fact=f"It starts {due}.", outlook=f"Times are those of {facts.zone.key}.")


def _queued(facts: Facts) -> Saying:
    if facts.workers == 0:
        fact = "No worker is running for this kind of job."
        return Saying(fact=fact, outlook="It waits, and starts by itself as soon as one runs.")
    usual = f"Usually it takes {rough(facts.usual)} once it runs." if facts.usual else ""
    return Saying(fact=_place(facts.place), outlook=usual)


def _place(place: int | None) -> str:
    if place is None:
        return "It waits for a worker."
    if place > PLACES:
        return f"More than {PLACES:,} jobs are ahead of it."
    return "Next in the queue." if place == 1 else f"{ordinal(place)} in the queue."


def _running(facts: Facts) -> Saying:
    again = f" ({which_attempt(facts.job, facts.job.attempt)})" if facts.job.attempt > 1 else ""
    return Saying(fact=f"Running for {span(_elapsed(facts))}{again}.", outlook=sentence(expectation(facts)))


def _waiting(_: Facts) -> Saying:
    return Saying(fact="Its own work is done.", outlook="It ends when all of its parts have ended.")


def _completed(facts: Facts) -> Saying:
    notes = facts.job.warnings
    warned = f" with {counted(len(notes), 'warning')}" if notes else ""
    return Saying(fact=f"Finished in {span(_elapsed(facts))}{warned}.")


def _failed(facts: Facts) -> Saying:
    if facts.job.started_at is None:
        return Saying(fact="Failed before it started.")
    tries = f" in {which_attempt(facts.job, facts.job.attempt)}" if facts.job.max_attempts > 1 else ""
    return Saying(fact=f"Failed after {span(_elapsed(facts))}{tries}.")


def _cancelled(facts: Facts) -> Saying:
    by = f" by {facts.stopped_by}" if facts.stopped_by else ""
    if facts.job.started_at is None:
        return Saying(fact=f"Stopped{by} before it started.")
    known = percent(facts.job)
    far = f" at {int(known)}{SPACE}%" if known is not None else f" after {span(_elapsed(facts))}"
    forced = "It did not answer, so it was ended." if facts.job.cancel_kind == "forced" else ""
    return Saying(fact=f"Stopped{by}{far}.", outlook=forced)


def _stale(_: Facts) -> Saying:
    return Saying(fact="The worker that ran it was lost.", outlook="Nobody knows how far it came.")


def _elapsed(facts: Facts) -> timedelta:
    job = facts.job
    return max((job.finished_at or facts.now) - (job.started_at or facts.now), timedelta())


_SAYINGS: Mapping[Status, Callable[[Facts], Saying]] = MappingProxyType(
    {
        Status.HELD: _held,
        Status.SCHEDULED: _scheduled,
        Status.QUEUED: _queued,
        Status.RUNNING: _running,
        Status.WAITING: _waiting,
        Status.COMPLETED: _completed,
        Status.FAILED: _failed,
        Status.CANCELLED: _cancelled,
        Status.STALE: _stale,
    }
)
