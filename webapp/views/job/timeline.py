"""What happened to a job, told line by line, with who did it and how long it took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.queries.visible_jobs import Event
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.status_labels import as_sentence, attempt_number
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

_ENDINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        EventName.COMPLETED: (lazy_gettext("Done"), "done"),
        EventName.FAILED: (lazy_gettext("Failed"), "failed"),
        "retry": (lazy_gettext("Failed; it is tried again"), "attention"),
        EventName.SCHEDULED: (lazy_gettext("Failed; it is tried again"), "attention"),
        EventName.CANCELLED: (lazy_gettext("Stopped"), "stopped"),
        EventName.STALE: (lazy_gettext("Lost"), "failed"),
        EventName.LOST: (lazy_gettext("Its worker was lost"), "attention"),
        EventName.UNKNOWN_TYPE: (
            lazy_gettext("Its worker does not know this type; it waits for another one"),
            "attention",
        ),
        EventName.INTERRUPTED: (lazy_gettext("Interrupted; it goes on later"), "attention"),
        EventName.CONTINUED: (lazy_gettext("Goes on in a fresh process"), "running"),
        EventName.WAITING: (lazy_gettext("Its own work is done; it waits for its parts"), "running"),
    }
)
_DEEDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        EventName.CREATED: (lazy_gettext("Created by %(person)s"), "waiting"),
        EventName.CANCEL_REQUESTED: (lazy_gettext("Asked to stop by %(person)s"), "attention"),
        EventName.CANCELLED: (lazy_gettext("Stopped by %(person)s"), "stopped"),
        EventName.RETRIED: (lazy_gettext("Tried again by %(person)s"), "waiting"),
        EventName.KEPT: (lazy_gettext("Kept by %(person)s"), "waiting"),
        EventName.KEPT_NO_LONGER: (lazy_gettext("Kept no longer, by %(person)s"), "waiting"),
        EventName.PRIORITISED: (lazy_gettext("Put before others by %(person)s"), "waiting"),
        EventName.MADE_PUBLIC: (lazy_gettext("Made public by %(person)s"), "waiting"),
        EventName.MADE_PRIVATE: (lazy_gettext("Made private by %(person)s"), "waiting"),
    }
)
_ASIDES = frozenset(
    {EventName.KEPT, EventName.KEPT_NO_LONGER, EventName.PRIORITISED, EventName.MADE_PUBLIC, EventName.MADE_PRIVATE}
)
_WORTH_SAYING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened: what, when, the class of its colour, and how long it had taken.

    ``at`` is None for what has not happened yet.
    """

    text: str
    at: FormattedTime | None
    tone: str
    note: str = ""


def timeline(job: Job, happened: Sequence[Event], reader: ViewerContext) -> tuple[TimelineEntry, ...]:
    """Tell a job's events, oldest first, and what comes next."""
    return (*_lines(job, happened, reader), *_next(job, reader))


def _lines(job: Job, happened: Sequence[Event], reader: ViewerContext) -> Iterator[TimelineEntry]:
    since = None
    for event in happened:
        text, tone = _text(event, job, reader)
        took = event.at - since if since else timedelta()
        yield TimelineEntry(text=text, at=reader.time(event.at), tone=tone, note=_note(event, took))
        since = since if event.name == EventName.CANCEL_REQUESTED or event.name in _ASIDES else event.at


def _text(event: Event, job: Job, reader: ViewerContext) -> tuple[str, str]:
    if event.name == EventName.STARTED:
        several = job.max_attempts > 1 or event.attempt > 1
        text = _("%(attempt)s started", attempt=attempt_number(job, event.attempt)) if several else _("Started")
        return as_sentence(text).rstrip("."), "running"
    if event.name in _DEEDS and (event.actor_id or event.name not in _ENDINGS):
        text, tone = _DEEDS[event.name]
        return str(text) % {"person": reader.name(event.actor_id)}, tone
    text, tone = _ENDINGS.get(event.name, (event.name.replace("_", " ").capitalize(), "waiting"))
    return str(text), tone


def _note(event: Event, took: timedelta) -> str:
    if took < _WORTH_SAYING:
        return ""
    if event.name == EventName.STARTED:
        return _("waited %(period)s", period=duration(took))
    return _("ran %(period)s", period=duration(took)) if event.name in _ENDINGS else ""


def _next(job: Job, reader: ViewerContext) -> Iterator[TimelineEntry]:
    if job.is_finished:
        return
    if job.status is Status.SCHEDULED and job.run_at:
        yield TimelineEntry(text=_("Starts"), at=reader.time(job.run_at), tone="next")
    yield TimelineEntry(text=_("Ended"), at=None, tone="next", note=_("not yet"))
