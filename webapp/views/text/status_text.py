"""Describes a job's status in one sentence, with a second one on what to expect.

`StatusFacts` holds everything the sentences are made from; nothing is read from the database here.
The estimated time left is smoothed, so it does not jump between two updates of a page. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.progress import UNKNOWN_RUN, UsualRun
from webapp.jobs.model.progress import time_left as model_time_left
from webapp.jobs.model.rate import Rate
from webapp.jobs.queueing.start_estimate import PLACES
from webapp.views.text.date_format import (
    SPACE,
    about_duration,
    duration,
    relative_time,
    rough_duration,
    round_up_duration,
)
from webapp.views.text.number_format import number
from webapp.views.text.rate_words import rate_words
from webapp.views.text.status_labels import as_sentence, attempt_number, ordinal, percent
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

_GUESS_AFTER = timedelta(seconds=3)
_LATE_FACTOR = 2  # times the usual duration
_LATE_AT_LEAST = timedelta(seconds=10)  # beyond the usual duration
_RAISED_FROM = 1.2  # raise the estimate only when it was off by more than 20 %
_TRUST = 0.5  # how strongly a lower estimate pulls the shown one


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePause:
    """Who paused a queue or everything, since when, and why; ``reason`` may be empty."""

    by: str
    since: datetime
    reason: str = ""
    of_everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """What is known about the queue of a waiting job. ``None`` means unknown."""

    place: int | None = None
    workers: int | None = None
    starts_within: timedelta | None = None
    pause: QueuePause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFacts:
    """The rate of a job that waits for it, and when it may start; ``None`` means unknown."""

    rate: Rate | None = None
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What the status text is made from. ``None`` means unknown.

    ``shown_left`` is the time left that the page showed last, minus the time passed since; ``slower`` if it had to be
    raised since the page was opened.
    """

    job: Job
    now: datetime
    zone: ZoneInfo
    queue: QueueFacts | None = None
    rate: RateFacts | None = None
    run: UsualRun = UNKNOWN_RUN
    shown_left: timedelta | None = None
    slower: bool = False
    stopped_by: str = ""

    @property
    def elapsed(self) -> timedelta:
        """How long the job has been running, or ran."""
        job = self.job
        return max((job.finished_at or self.now) - (job.started_at or self.now), timedelta())

    @property
    def silence(self) -> timedelta | None:
        """How long a running job has reported nothing, if that is longer than usual."""
        job = self.job
        return self.quiet if job.is_running and self.quiet > self.run.silence_limit else None

    @property
    def usual(self) -> timedelta | None:
        """How long such jobs usually take."""
        return self.run.duration

    @property
    def quiet(self) -> timedelta:
        """The time since the job last reported something."""
        return max(self.now - (self.job.heartbeat_at or self.now), timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusText:
    """One sentence on the job's status, and a hint on what to expect, which can be empty."""

    fact: str
    hint: str = ""


def status_text(facts: StatusFacts) -> StatusText:
    """Return the status text of a job."""
    if facts.job.cancel_requested_at and not facts.job.is_finished:
        return _stopping(facts)
    return _TEXTS[facts.job.status](facts)


def expectation(facts: StatusFacts) -> str:
    """Return how much longer a running job will take, as a phrase; empty if unknown."""
    if facts.silence:
        return _silence(facts.silence, facts.run.silence)
    if (guess := time_left(facts)) is not None:
        if is_slower(facts):
            return _("%(period)s left, more than estimated before", period=about_duration(guess))
        return _("%(period)s left", period=about_duration(guess))
    elapsed = facts.elapsed
    if facts.usual is None:
        return ""
    if elapsed > max(facts.usual * _LATE_FACTOR, facts.usual + _LATE_AT_LEAST):
        return _("taking longer than usual (usually %(period)s)", period=rough_duration(facts.usual))
    return _("usually takes %(period)s", period=rough_duration(facts.usual))


def time_left(facts: StatusFacts) -> timedelta | None:
    """Estimate the time left of a running job; ``None`` in its first seconds."""
    elapsed = facts.elapsed
    if elapsed < _GUESS_AFTER or facts.silence:
        return None
    known = percent(facts.job) or 0.0
    return _steady_time_left(elapsed, known, facts.usual, shown=facts.shown_left, quiet=min(facts.quiet, elapsed))


def is_slower(facts: StatusFacts) -> bool:
    """Return whether the estimated time left has risen since the page was opened; the page then says so."""
    guess, shown = time_left(facts), facts.shown_left
    return guess is not None and (facts.slower or (shown is not None and guess > shown))


def _silence(silence: timedelta, usual: timedelta | None) -> str:
    if usual is None:
        return _("no progress for %(period)s", period=rough_duration(silence))
    every = duration(max(usual, timedelta(seconds=1)))
    return _("no progress for %(period)s (usually every %(usual)s)", period=rough_duration(silence), usual=every)


def _stopping(facts: StatusFacts) -> StatusText:
    by = facts.stopped_by
    fact = _("Stop requested by %(person)s.", person=by) if by else _("Stop requested.")
    return StatusText(fact=fact, hint=_("It will stop after its current step."))


def _held(facts: StatusFacts) -> StatusText:
    if facts.job.waits_for_approval:
        return StatusText(fact=_("It needs approval before it can start."), hint=_approval_ends(facts))
    if facts.job.waits_for_answer:
        return StatusText(fact=_("It has a question, and continues when somebody has answered."))
    return StatusText(fact=_("It is being prepared."), hint=_("It will start when everything it needs is ready."))


def _approval_ends(facts: StatusFacts) -> str:
    ends_at = facts.job.approval_ends_at
    if ends_at is None or ends_at <= facts.now:
        return _("The time for it is over.")
    return _("It ends without starting if nobody approves it: %(when)s.",
             when=relative_time(ends_at, facts.now, facts.zone).text)  # fmt: skip


def _waits_for_rate(facts: StatusFacts) -> StatusText:
    known = facts.rate or RateFacts()
    rate = rate_words(known.rate) if known.rate else _("the rate of its type")
    if known.starts_at is None:
        return StatusText(fact=_("It waits for its turn: %(rate)s.", rate=rate))
    if known.starts_at <= facts.now:
        return StatusText(fact=_("May start any moment now: %(rate)s.", rate=rate))
    at = relative_time(known.starts_at, facts.now, facts.zone).text
    return StatusText(
        fact=_("May start %(when)s: %(rate)s.", when=at, rate=rate),
        hint=_("Others of its kind that are ahead of it start first."),
    )


def _scheduled(facts: StatusFacts) -> StatusText:
    job = facts.job
    if job.waits_for_rate:
        return _waits_for_rate(facts)
    waits = job.run_at is not None and job.run_at > facts.now
    due = relative_time(job.run_at, facts.now, facts.zone).text if job.run_at and waits else _("any moment now")
    if job.attempt_number and job.message:  # its handler has asked for another attempt, and this is the reason
        return StatusText(
            fact=_("Waiting for the next attempt."), hint=_("The next attempt starts %(when)s.", when=due)
        )
    if job.attempt_number:
        fact = _("%(attempt)s failed.", attempt=as_sentence(attempt_number(job, job.attempt_number)).rstrip("."))
        return StatusText(fact=fact, hint=_("The next attempt starts %(when)s.", when=due))
    zone = _("Times are shown in %(zone)s.", zone=facts.zone.key)
    return StatusText(fact=_("Starts %(when)s.", when=due), hint=zone)


def _queued(facts: StatusFacts) -> StatusText:
    queue = facts.queue or QueueFacts()
    if queue.pause:
        fact = _paused(queue.pause, facts.now, facts.zone)
        if queue.pause.of_everything:
            return StatusText(fact=fact, hint=_("It will start when everything is resumed."))
        return StatusText(fact=fact, hint=_("It will start when the queue is resumed."))
    if queue.workers == 0:
        fact = _("No worker is running for this job type.")
        return StatusText(fact=fact, hint=_("It will start as soon as a worker is available."))
    return StatusText(fact=_place(queue.place), hint=_start_or_duration(queue.starts_within, facts.usual))


def _start_or_duration(starts_within: timedelta | None, usual: timedelta | None) -> str:
    if starts_within is not None:
        return _("Usually starts within %(period)s.", period=round_up_duration(starts_within))
    return _("Usually takes %(period)s once it starts.", period=rough_duration(usual)) if usual else ""


def _paused(pause: QueuePause, now: datetime, zone: ZoneInfo) -> str:
    since = relative_time(pause.since, now, zone).text
    reason = pause.reason.rstrip(".")
    if pause.of_everything:
        if reason:
            return _(
                "Everything paused by %(person)s, %(since)s: %(reason)s.", person=pause.by, since=since, reason=reason
            )
        return _("Everything paused by %(person)s, %(since)s.", person=pause.by, since=since)
    if reason:
        return _("Queue paused by %(person)s, %(since)s: %(reason)s.", person=pause.by, since=since, reason=reason)
    return _("Queue paused by %(person)s, %(since)s.", person=pause.by, since=since)


def _place(place: int | None) -> str:
    if place is None:
        return _("Waiting for a worker.")
    if place > PLACES:
        return _("More than %(count)s jobs are ahead of this one.", count=number(PLACES))
    return _("Next in the queue.") if place == 1 else _("%(place)s in the queue.", place=ordinal(place))


def _running(facts: StatusFacts) -> StatusText:
    ran, attempt = duration(facts.elapsed), attempt_number(facts.job, facts.job.attempt_number)
    plain = _("Running for %(period)s.", period=ran)
    again = _("Running for %(period)s (%(attempt)s).", period=ran, attempt=attempt)
    return StatusText(fact=again if facts.job.attempt_number > 1 else plain, hint=as_sentence(expectation(facts)))


def _waiting(facts: StatusFacts) -> StatusText:
    job = facts.job
    outstanding = job.parts - job.parts_completed - job.parts_failed - job.parts_cancelled
    fact = ngettext("Waiting for %(num)s child job.", "Waiting for %(num)s child jobs.", outstanding)
    return StatusText(fact=fact, hint=_("It will finish when all its child jobs have finished."))


def _completed(facts: StatusFacts) -> StatusText:
    ran, count = duration(facts.elapsed), len(facts.job.warnings)
    if not count:
        return StatusText(fact=_("Finished in %(period)s.", period=ran))
    warned = ngettext(
        "Finished in %(period)s with %(num)s warning.",
        "Finished in %(period)s with %(num)s warnings.",
        count,
        period=ran,
    )
    return StatusText(fact=warned)


def _failed(facts: StatusFacts) -> StatusText:
    job = facts.job
    if job.started_at is None:
        return StatusText(fact=_("Failed before it started."))
    ran = duration(facts.elapsed)
    if job.attempts_allowed == 1:
        return StatusText(fact=_("Failed after %(period)s.", period=ran))
    attempt = attempt_number(job, job.attempt_number)
    return StatusText(fact=_("Failed after %(period)s (%(attempt)s).", period=ran, attempt=attempt))


def _cancelled(facts: StatusFacts) -> StatusText:
    job, by = facts.job, facts.stopped_by
    if job.cancel_kind == "rejected":
        return StatusText(fact=_("Rejected by %(person)s. It did not start.", person=by or _("another user")))
    if job.cancel_kind == "expired":
        return StatusText(fact=_("Nobody approved it in time. It did not start."))
    if job.started_at is None:
        early = _("Stopped by %(person)s before it started.", person=by) if by else _("Stopped before it started.")
        return StatusText(fact=early)
    forced = _("It did not stop in time and was killed.") if job.cancel_kind == "forced" else ""
    return StatusText(fact=_stopped(by, percent(job), duration(facts.elapsed)), hint=forced)


def _stopped(by: str, known: float | None, ran: str) -> str:
    if known is None:
        named = _("Stopped by %(person)s after %(period)s.", person=by, period=ran)
        return named if by else _("Stopped after %(period)s.", period=ran)
    far = f"{int(known)}{SPACE}%"
    named = _("Stopped by %(person)s at %(percent)s.", person=by, percent=far)
    return named if by else _("Stopped at %(percent)s.", percent=far)


def _stale(_facts: StatusFacts) -> StatusText:
    return StatusText(fact=_("The worker running this job was lost."), hint=_("How far it got is unknown."))


def _steady_time_left(
    elapsed: timedelta,
    percent: float,
    usual: timedelta | None,
    *,
    shown: timedelta | None,
    quiet: timedelta = timedelta(),
) -> timedelta | None:
    """Estimate the time left, staying close to what was ``shown`` last; ``None`` if unknown."""
    guess = model_time_left(elapsed, percent, usual, quiet=quiet)
    if guess is None or shown is None or shown <= timedelta():
        return guess
    if guess > shown:
        return guess if guess > _RAISED_FROM * shown else shown
    return shown + _TRUST * (guess - shown)


_TEXTS: Mapping[Status, Callable[[StatusFacts], StatusText]] = MappingProxyType(
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
