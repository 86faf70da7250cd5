"""Labels of job statuses (word, colour, icon), progress and attempt numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.views.text.number_format import number
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import language, lazy_gettext


@dataclass(frozen=True, slots=True)
class StatusLabel:
    """How a status is shown: its word, its CSS colour class (``is-…``) and its icon."""

    word: str
    tone: str
    icon: str


_LOOKS: Mapping[Status, StatusLabel] = MappingProxyType(
    {
        Status.HELD: StatusLabel(lazy_gettext("Preparing"), "waiting", "hourglass"),
        Status.SCHEDULED: StatusLabel(lazy_gettext("Scheduled"), "scheduled", "calendar-event"),
        Status.QUEUED: StatusLabel(lazy_gettext("Waiting"), "waiting", "clock"),
        Status.RUNNING: StatusLabel(lazy_gettext("Running"), "running", "loader-2"),
        Status.WAITING: StatusLabel(lazy_gettext("Running"), "running", "loader-2"),
        Status.COMPLETED: StatusLabel(lazy_gettext("Done"), "done", "check"),
        Status.FAILED: StatusLabel(lazy_gettext("Failed"), "failed", "alert-triangle"),
        Status.CANCELLED: StatusLabel(lazy_gettext("Stopped"), "stopped", "player-stop"),
        Status.STALE: StatusLabel(lazy_gettext("Lost"), "failed", "unlink"),
    }
)
_RETRYING = StatusLabel(lazy_gettext("Retrying"), "attention", "rotate-clockwise")
_STOPPING = StatusLabel(lazy_gettext("Stopping"), "attention", "player-stop")
_WARNED = StatusLabel(lazy_gettext("Done with warnings"), "attention", "alert-circle")
_UNAPPROVED = StatusLabel(lazy_gettext("Waits for approval"), "attention", "user")
_ASKING = StatusLabel(lazy_gettext("Waits for an answer"), "attention", "user")
_ASKS_READER = StatusLabel(lazy_gettext("Waits for your answer"), "attention", "user")
_REJECTED = StatusLabel(lazy_gettext("Rejected"), "stopped", "x")
_NOT_APPROVED = StatusLabel(lazy_gettext("Not approved in time"), "stopped", "x")
_JUST_BEGUN = timedelta(seconds=10)
_WITHOUT_APPROVAL = MappingProxyType({"rejected": _REJECTED, "expired": _NOT_APPROVED})  # by kind of cancellation
_NOT_YET_ALL = 99.0  # per cent


def status_label(job: Job) -> StatusLabel:
    """Return the label of the job's status."""
    if job.status is Status.SCHEDULED and job.attempt_number:
        return _RETRYING
    if job.waits_for_approval or job.waits_for_answer:
        return _UNAPPROVED if job.waits_for_approval else _ASKING
    if job.cancel_kind and job.cancel_kind in _WITHOUT_APPROVAL:
        return _WITHOUT_APPROVAL[job.cancel_kind]
    if job.cancel_requested_at and not job.is_finished:
        return _STOPPING
    if job.done_with_warnings:
        return _WARNED
    return _LOOKS[job.status]


def reader_label(job: Job, policy: JobPolicy) -> StatusLabel:
    """Return the label of the job's status for one reader, whom the job may ask."""
    if job.waits_for_answer and policy.is_asked(job.asked_of, job.tenant):
        return _ASKS_READER
    return status_label(job)


def label_of(status: Status) -> StatusLabel:
    """Return the label of a status when the job is not known."""
    return _LOOKS[status]


def progress_amounts(job: Job) -> str:
    """Return the job's message, else amounts such as "46 of 200", else an empty text."""
    if job.status is Status.WAITING and job.parts:
        ended = job.parts_completed + job.parts_failed + job.parts_cancelled
        return _("%(done)s of %(total)s child jobs", done=number(ended), total=number(job.parts))
    if job.message or job.done is None:
        return translated(job.message)
    if job.total:
        return _("%(done)s of %(total)s", done=number(job.done), total=number(job.total))
    return _("%(done)s so far", done=number(job.done))


def appears_running(job: Job) -> bool:
    """Whether users see the job as running: a worker runs it, or its children run."""
    return job.status in {Status.RUNNING, Status.WAITING}


def progress_summary(job: Job, now: datetime) -> str:
    """Return the progress of a running job as text; without progress, "Just started" or "No progress reported"."""
    if (amounts := progress_amounts(job)) or percent(job) is not None:
        return amounts
    begun = job.started_at is None or now - job.started_at < _JUST_BEGUN
    return _("Just started") if begun else _("No progress reported")


def percent(job: Job) -> float | None:
    """Progress from 0.0 to 100.0, or ``None`` if unknown. A running job never shows 100."""
    guessed = job.done is not None and not job.total
    if guessed or not (job.total or job.progress):
        return None
    return min(job.progress, _NOT_YET_ALL) if appears_running(job) else job.progress


def ordinal(place: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, 11th, 21st; in other languages the number with a full stop."""
    if language() not in {"", "en"}:
        return f"{number(place)}."
    tens = place // 10 % 10
    ending = "th" if tens == 1 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{number(place)}{ending}"


def attempt_number(job: Job, count: int) -> str:
    """Return "attempt 2 of 3". A job that users retried can have more than its maximum."""
    if count <= job.attempts_allowed:
        return _("attempt %(number)s of %(most)s", number=count, most=job.attempts_allowed)
    return _("attempt %(number)s", number=count)


def as_sentence(words: str) -> str:
    """Capitalise a phrase and add a full stop."""
    return f"{words[:1].upper()}{words[1:]}." if words else ""
