"""One sentence on how a job stands, and one more on what to expect. What it is made from is passed in."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from webapp.jobs.job import Status
from webapp.views import endings, waiting
from webapp.views.facts import Facts, Saying
from webapp.views.forecast import left
from webapp.views.moments import about, moment, rough, span
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext
from webapp.views.wording import percent, sentence, which_attempt

_GUESS_AFTER = timedelta(seconds=3)
_LATE = 2  # times the usual duration
_LATE_BY = timedelta(seconds=10)  # more than that, at least


def saying(facts: Facts) -> Saying:
    """Say how the job stands."""
    if facts.job.cancel_requested_at and not facts.job.is_finished:
        return _stopping(facts)
    return _SAYINGS[facts.job.status](facts)


def expectation(facts: Facts) -> str:
    """Say how much longer a running job may take; nothing where nobody can know. A part of a sentence."""
    if (guess := time_left(facts)) is not None:
        return _("%(period)s left", period=about(guess))
    elapsed = facts.elapsed
    if facts.usual is None:
        return ""
    if elapsed > max(facts.usual * _LATE, facts.usual + _LATE_BY):
        return _("takes longer than usual (%(period)s)", period=rough(facts.usual))
    return _("usually takes %(period)s", period=rough(facts.usual))


def time_left(facts: Facts) -> timedelta | None:
    """Guess how much longer a running job takes; nothing in its first seconds."""
    elapsed = facts.elapsed
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
    ran, attempt = span(facts.elapsed), which_attempt(facts.job, facts.job.attempt)
    plain = _("Running for %(period)s.", period=ran)
    again = _("Running for %(period)s (%(attempt)s).", period=ran, attempt=attempt)
    return Saying(fact=again if facts.job.attempt > 1 else plain, outlook=sentence(expectation(facts)))


def _waiting(facts: Facts) -> Saying:
    job = facts.job
    outstanding = job.parts - job.parts_completed - job.parts_failed - job.parts_cancelled
    fact = ngettext("Waiting for %(num)s part.", "Waiting for %(num)s parts.", outstanding)
    return Saying(fact=fact, outlook=_("Its own work is done. It ends when all of its parts have ended."))


_SAYINGS: Mapping[Status, Callable[[Facts], Saying]] = MappingProxyType(
    {
        Status.HELD: _held,
        Status.SCHEDULED: _scheduled,
        Status.QUEUED: _queued,
        Status.RUNNING: _running,
        Status.WAITING: _waiting,
        Status.COMPLETED: endings.completed,
        Status.FAILED: endings.failed,
        Status.CANCELLED: endings.cancelled,
        Status.STALE: endings.stale,
    }
)
