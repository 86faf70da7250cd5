"""What happened to a job, told line by line. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs import events
from webapp.jobs.job import Job
from webapp.jobs.queries import Event
from webapp.views.moments import Moment, span
from webapp.views.reader import Reader
from webapp.views.wording import which_attempt

_ENDINGS = {
    "completed": ("Done", "done"),
    "failed": ("Failed", "failed"),
    "cancelled": ("Stopped", "stopped"),
    "stale": ("Lost", "failed"),
    "lost": ("Its worker was lost", "attention"),
    "unknown_type": ("Its worker does not know this type; it waits for another one", "attention"),
    "interrupted": ("Interrupted; it goes on later", "attention"),
}
_WORTH_SAYING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened: what, when, the class of its colour, and how long it had taken."""

    text: str
    at: Moment
    tone: str
    note: str = ""


def timeline(job: Job, happened: Sequence[Event], reader: Reader) -> tuple[Line, ...]:
    """Tell a job's events, oldest first."""
    return tuple(_lines(job, happened, reader))


def _lines(job: Job, happened: Sequence[Event], reader: Reader) -> Iterator[Line]:
    since = None
    for event in happened:
        text, tone = _text(event, job, reader)
        took = event.at - since if since else timedelta()
        yield Line(text=text, at=reader.time(event.at), tone=tone, note=_note(event, took))
        since = since if event.name == events.CANCEL_REQUESTED else event.at


def _text(event: Event, job: Job, reader: Reader) -> tuple[str, str]:
    if event.name == events.CREATED:
        return f"Created by {reader.name(event.actor_id)}", "waiting"
    if event.name == events.STARTED:
        several = job.max_attempts > 1 or event.attempt > 1
        return (f"{which_attempt(job, event.attempt)} started".capitalize() if several else "Started"), "running"
    if event.name == events.CANCEL_REQUESTED:
        return f"Asked to stop by {reader.name(event.actor_id)}", "attention"
    return _ENDINGS.get(event.name, (event.name.replace("_", " ").capitalize(), "waiting"))


def _note(event: Event, took: timedelta) -> str:
    if took < _WORTH_SAYING:
        return ""
    if event.name == events.STARTED:
        return f"waited {span(took)}"
    return f"ran {span(took)}" if event.name in _ENDINGS else ""
