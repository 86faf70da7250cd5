"""One sentence on how a job stands, and one more on what to expect. What it is made from is passed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.jobs.job import Job, Status
from webapp.views import waiting
from webapp.views.forecast import left
from webapp.views.moments import SPACE, about, moment, rough, span
from webapp.views.waiting import Outlook
from webapp.views.wording import percent, sentence, which_attempt

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
    """What a sentence on a job is made from. ``None`` is "not known".

    ``shown_left`` is the time left that the reader was told last, less what has passed since.
    """

    job: Job
    now: datetime
    zone: ZoneInfo
    queue: Outlook | None = None
    usual: timedelta | None = None
    shown_left: timedelta | None = None
    stopped_by: str = ""


def saying(facts: Facts) -> Saying:
    """Say how the job stands."""
    if facts.job.cancel_requested_at and not facts.job.is_finished:
        return _stopping(facts)
    return _SAYINGS[facts.job.status](facts)


def expectation(facts: Facts) -> str:
    """Say how much longer a running job may take; nothing where nobody can know. A part of a sentence."""
    if (guess := time_left(facts)) is not None:
        return _("%(period)s left", period=about(guess))
    elapsed = _elapsed(facts)
    if facts.usual is None:
        return ""
    if elapsed > max(facts.usual * _LATE, facts.usual + _LATE_BY):
        return _("takes longer than usual (%(period)s)", period=rough(facts.usual))
    return _("usually takes %(period)s", period=rough(facts.usual))


def time_left(facts: Facts) -> timedelta | None:
    """Guess how much longer a running job takes; nothing in its first seconds."""
    elapsed = _elapsed(facts)
    if elapsed < _GUESS_AFTER:
        return None
    return left(elapsed, percent(facts.job) or 0.0, facts.usual, shown=facts.shown_left)


def _stopping(facts: Facts) -> Saying:
    by = facts.stopped_by
    fact = _("Asked to stop by %(person)s.", person=by) if by else _("Asked to stop.")
    return Saying(fact=fact, outlook=_("It ends as soon as its current step is done."))


def _held(_facts: Facts) -> Saying:
    return Saying(fact=_("It is being prepared."), outlook=_("It waits until everything that it needs is there."))


def _scheduled(facts: Facts) -> Saying:
    job = facts.job
    waits = job.run_at is not None and job.run_at > facts.now
    due = moment(job.run_at, facts.now, facts.zone).text if job.run_at and waits else _("any moment")
    if job.attempt:
        fact = _("%(attempt)s failed.", attempt=sentence(which_attempt(job, job.attempt)).rstrip("."))
        return Saying(fact=fact, outlook=_("The next one starts %(when)s.", when=due))
    zone = _("Times are those of %(zone)s.", zone=facts.zone.key)
    return Saying(fact=_("It starts %(when)s.", when=due), outlook=zone)


def _queued(facts: Facts) -> Saying:
    fact, outlook = waiting.told(facts.queue, facts.now, facts.zone, facts.usual)
    return Saying(fact=fact, outlook=outlook)


def _running(facts: Facts) -> Saying:
    ran, attempt = span(_elapsed(facts)), which_attempt(facts.job, facts.job.attempt)
    plain = _("Running for %(period)s.", period=ran)
    again = _("Running for %(period)s (%(attempt)s).", period=ran, attempt=attempt)
    return Saying(fact=again if facts.job.attempt > 1 else plain, outlook=sentence(expectation(facts)))


def _waiting(facts: Facts) -> Saying:
    job = facts.job
    outstanding = job.parts - job.parts_completed - job.parts_failed - job.parts_cancelled
    fact = ngettext("Waiting for %(num)s part.", "Waiting for %(num)s parts.", outstanding)
    return Saying(fact=fact, outlook=_("Its own work is done. It ends when all of its parts have ended."))


def _completed(facts: Facts) -> Saying:
    ran, count = span(_elapsed(facts)), len(facts.job.warnings)
    if not count:
        return Saying(fact=_("Finished in %(period)s.", period=ran))
    warned = ngettext(
        "Finished in %(period)s with %(num)s warning.",
        "Finished in %(period)s with %(num)s warnings.",
        count,
        period=ran,
    )
    return Saying(fact=warned)


def _failed(facts: Facts) -> Saying:
    job = facts.job
    if job.started_at is None:
        return Saying(fact=_("Failed before it started."))
    ran = span(_elapsed(facts))
    if job.max_attempts == 1:
        return Saying(fact=_("Failed after %(period)s.", period=ran))
    attempt = which_attempt(job, job.attempt)
    return Saying(fact=_("Failed after %(period)s in %(attempt)s.", period=ran, attempt=attempt))


def _cancelled(facts: Facts) -> Saying:
    job, by = facts.job, facts.stopped_by
    if job.started_at is None:
        early = _("Stopped by %(person)s before it started.", person=by) if by else _("Stopped before it started.")
        return Saying(fact=early)
    forced = _("It did not answer, so it was ended.") if job.cancel_kind == "forced" else ""
    return Saying(fact=_stopped(by, percent(job), span(_elapsed(facts))), outlook=forced)


def _stopped(by: str, known: float | None, ran: str) -> str:
    if known is None:
        named = _("Stopped by %(person)s after %(period)s.", person=by, period=ran)
        return named if by else _("Stopped after %(period)s.", period=ran)
    far = f"{int(known)}{SPACE}%"
    named = _("Stopped by %(person)s at %(percent)s.", person=by, percent=far)
    return named if by else _("Stopped at %(percent)s.", percent=far)


def _stale(_facts: Facts) -> Saying:
    return Saying(fact=_("The worker that ran it was lost."), outlook=_("Nobody knows how far it came."))


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
