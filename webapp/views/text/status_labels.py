"""What people read of a job's status: the word, its tone and its icon; and other words for values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from webapp.jobs.model.job import Job, Status
from webapp.views.text.number_format import number
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import language, lazy_gettext


@dataclass(frozen=True, slots=True)
class StatusLabel:
    """How a status is shown: its word, the class of its colours (``is-…``), its icon."""

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
_JUST_BEGUN = timedelta(seconds=10)
_NOT_YET_ALL = 99.0  # per cent


def status_label(job: Job) -> StatusLabel:
    """Return how the job's status is shown."""
    if job.status is Status.SCHEDULED and job.attempt:
        return _RETRYING
    if job.cancel_requested_at and not job.is_finished:
        return _STOPPING
    if job.status is Status.COMPLETED and job.has_warnings:
        return _WARNED
    return _LOOKS[job.status]


def label_of(status: Status) -> StatusLabel:
    """Return how a status is shown where nothing else is known of the job."""
    return _LOOKS[status]


def progress_amounts(job: Job) -> str:
    """Say what was done so far: the job's own message, else "46 of 200", else nothing."""
    if job.status is Status.WAITING and job.parts:
        ended = job.parts_completed + job.parts_failed + job.parts_cancelled
        return _("%(done)s of %(total)s child jobs", done=number(ended), total=number(job.parts))
    if job.message or job.done is None:
        return translated(job.message)
    if job.total:
        return _("%(done)s of %(total)s", done=number(job.done), total=number(job.total))
    return _("%(done)s so far", done=number(job.done))


def appears_running(job: Job) -> bool:
    """Tell whether people see it run: a worker holds it, or its parts are at work."""
    return job.status in {Status.RUNNING, Status.WAITING}


def progress_summary(job: Job, now: datetime) -> str:
    """Say how far a job is that runs; one that does not tell has "just begun" for its first seconds only."""
    if (said := progress_amounts(job)) or percent(job) is not None:
        return said
    begun = job.started_at is None or now - job.started_at < _JUST_BEGUN
    return _("Just started") if begun else _("No progress reported")


def percent(job: Job) -> float | None:
    """How far it is, 0.0 to 100.0; ``None`` while nobody can know. All of it is done only at the end."""
    guessed = job.done is not None and not job.total
    if guessed or not (job.total or job.progress):
        return None
    return min(job.progress, _NOT_YET_ALL) if appears_running(job) else job.progress


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st; in other languages as a number with a full stop."""
    if language() not in {"", "en"}:
        return f"{number(place)}."
    tens = place // 10 % 10
    ending = "th" if tens == 1 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{number(place)}{ending}"


def attempt_number(job: Job, count: int) -> str:
    """Say the number of an attempt; interrupted ones do not count, so there may be more than the maximum."""
    if count <= job.max_attempts:
        return _("attempt %(number)s of %(most)s", number=count, most=job.max_attempts)
    return _("attempt %(number)s", number=count)


def as_sentence(words: str) -> str:
    """Make a sentence of a part of one."""
    return f"{words[:1].upper()}{words[1:]}." if words else ""
