"""What people read of a job's status: the word, its tone and its icon; and other words for values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from webapp.jobs.job import Job, Status
from webapp.views.moments import SPACE


@dataclass(frozen=True, slots=True)
class Look:
    """How a status is shown: its word, the class of its colours (``is-…``), its icon."""

    word: str
    tone: str
    icon: str


_LOOKS: Mapping[Status, Look] = MappingProxyType(
    {
        Status.HELD: Look("Preparing", "waiting", "hourglass"),
        Status.SCHEDULED: Look("Scheduled", "scheduled", "calendar-event"),
        Status.QUEUED: Look("Waiting", "waiting", "clock"),
        Status.RUNNING: Look("Running", "running", "loader-2"),
        Status.WAITING: Look("Running", "running", "loader-2"),
        Status.COMPLETED: Look("Done", "done", "check"),
        Status.FAILED: Look("Failed", "failed", "alert-triangle"),
        Status.CANCELLED: Look("Stopped", "stopped", "player-stop"),
        Status.STALE: Look("Lost", "failed", "unlink"),
    }
)
_RETRYING = Look("Retrying", "attention", "rotate-clockwise")
_STOPPING = Look("Stopping…", "attention", "player-stop")
_WARNED = Look("Done with warnings", "attention", "alert-circle")


def look(job: Job) -> Look:
    """Return how the job's status is shown."""
    if job.status is Status.SCHEDULED and job.attempt:
        return _RETRYING
    if job.cancel_requested_at and not job.is_finished:
        return _STOPPING
    if job.status is Status.COMPLETED and job.has_warnings:
        return _WARNED
    return _LOOKS[job.status]


def look_of(status: Status) -> Look:
    """Return how a status is shown where nothing else is known of the job."""
    return _LOOKS[status]


def amounts(job: Job) -> str:
    """Say what was done so far: the job's own message, else "46 of 200", else nothing."""
    if job.message or job.done is None:
        return job.message
    return f"{job.done:,.0f} of {job.total:,.0f}" if job.total else f"{job.done:,.0f} so far"


def percent(job: Job) -> float | None:
    """How far it is, 0.0 to 100.0; ``None`` while nobody can know."""
    guessed = job.done is not None and not job.total
    return None if guessed or not (job.total or job.progress) else job.progress


def sentence(words: str) -> str:
    """Make a sentence of a part of one."""
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    tens = number // 10 % 10
    ending = "th" if tens == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def counted(number: int, noun: str) -> str:
    """1 warning, 2 warnings."""
    return f"{number:,}{SPACE}{noun}{'' if number == 1 else 's'}"


def which_attempt(job: Job, number: int) -> str:
    """Say the number of an attempt; interrupted ones do not count, so there may be more than the maximum."""
    return f"attempt {number} of {job.max_attempts}" if number <= job.max_attempts else f"attempt {number}"
