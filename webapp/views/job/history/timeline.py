"""The timeline of a job: its events, who caused them, and how long each step took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from webapp.jobs.model.job import UNCOUNTED, EventName, Job, Status
from webapp.jobs.queries.visible_jobs import Event
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.number_format import exact_number
from webapp.views.text.status_labels import as_sentence, attempt_number
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

_TRANSITIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        EventName.COMPLETED: (lazy_gettext("Done"), "done"),
        EventName.FAILED: (lazy_gettext("Failed"), "failed"),
        "retry": (lazy_gettext("Failed; will be retried"), "attention"),
        EventName.SCHEDULED: (lazy_gettext("Failed; will be retried"), "attention"),
        EventName.CANCELLED: (lazy_gettext("Stopped"), "stopped"),
        EventName.STALE: (lazy_gettext("Lost"), "failed"),
        EventName.LOST: (lazy_gettext("Worker lost"), "attention"),
        EventName.UNKNOWN_TYPE: (lazy_gettext("Not known to the worker; waiting for another one"), "attention"),
        EventName.INTERRUPTED: (lazy_gettext("Interrupted; will continue later"), "attention"),
        EventName.RETRY_LATER: (lazy_gettext("Will run again"), "attention"),
        EventName.POSTPONED: (lazy_gettext("Postponed; will continue later"), "attention"),
        EventName.ASKED: (lazy_gettext("Asks a question"), "attention"),
        EventName.ANSWERED: (lazy_gettext("Answered"), "done"),
        EventName.ANSWER_EXPIRED: (lazy_gettext("Not answered in time"), "attention"),
        EventName.APPROVAL_EXPIRED: (lazy_gettext("Not approved in time"), "stopped"),
        EventName.WAITING: (lazy_gettext("Waiting for child jobs"), "running"),
        EventName.LAUNCHED: (lazy_gettext("Launched; its process has not begun yet"), "running"),
        EventName.BEGUN: (lazy_gettext("Its process has begun"), "running"),
    }
)
_USER_ACTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        EventName.CREATED: (lazy_gettext("Created by %(person)s"), "waiting"),
        EventName.CANCEL_REQUESTED: (lazy_gettext("Stop requested by %(person)s"), "attention"),
        EventName.CANCELLED: (lazy_gettext("Stopped by %(person)s"), "stopped"),
        EventName.RETRIED: (lazy_gettext("Retried by %(person)s"), "waiting"),
        EventName.FILE_REPLACED: (lazy_gettext("The file %(file)s was replaced"), "waiting"),
        EventName.KEPT: (lazy_gettext("Marked “Keep” by %(person)s"), "waiting"),
        EventName.KEPT_NO_LONGER: (lazy_gettext("“Keep” removed by %(person)s"), "waiting"),
        EventName.PRIORITISED: (lazy_gettext("Moved to the front by %(person)s"), "waiting"),
        EventName.EDITED: (lazy_gettext("Edited by %(person)s"), "waiting"),
        EventName.APPROVED: (lazy_gettext("Approved by %(person)s"), "done"),
        EventName.REJECTED: (lazy_gettext("Rejected by %(person)s: %(detail)s"), "stopped"),
        EventName.ANSWERED: (lazy_gettext("Answered by %(person)s"), "done"),
        EventName.TAGGED: (lazy_gettext("Tags changed by %(person)s"), "waiting"),
        EventName.SHARED: (lazy_gettext("Shared with %(detail)s by %(person)s"), "waiting"),
        EventName.UNSHARED: (lazy_gettext("No longer shared with %(detail)s, by %(person)s"), "waiting"),
        EventName.MADE_PUBLIC: (lazy_gettext("Made public by %(person)s"), "waiting"),
        EventName.MADE_PRIVATE: (lazy_gettext("Made private by %(person)s"), "waiting"),
    }
)
_WITHOUT_DURATION = frozenset(
    {
        *(EventName.KEPT, EventName.KEPT_NO_LONGER, EventName.PRIORITISED),
        *(EventName.TAGGED, EventName.EDITED, EventName.SHARED, EventName.UNSHARED),
        *(EventName.MADE_PUBLIC, EventName.MADE_PRIVATE, EventName.FILE_REPLACED),
    }
)
_WITH_OWN_DETAIL = frozenset(
    {
        *(EventName.PRIORITISED, EventName.FILE_REPLACED, EventName.TAGGED, EventName.EDITED),
        *(EventName.REJECTED, EventName.ANSWERED, EventName.SHARED, EventName.UNSHARED),
    }
)
_AFTER_A_WAIT = frozenset({EventName.STARTED, EventName.ANSWERED, EventName.ANSWER_EXPIRED})
_ENDS_WITHOUT_APPROVAL = frozenset({EventName.REJECTED, EventName.APPROVAL_EXPIRED})
FIRST_SHOWN, LAST_SHOWN = 10, 40
_SHORTEST_DURATION = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """An event of a job; ``note`` is the duration before it, ``at`` is None for an event that is still to come."""

    text: str
    at: FormattedTime | None
    tone: str
    note: str = ""


def timeline(job: Job, job_events: Sequence[Event], context: ViewerContext) -> tuple[TimelineEntry, ...]:
    """Return the events of a job, oldest first, and the next expected ones; of very many, the first and the last."""
    past = tuple(_past_entries(job, job_events, context))
    if left_out := max(0, len(past) - FIRST_SHOWN - LAST_SHOWN):
        gap = _("%(count)s events are not shown", count=exact_number(left_out))
        past = (*past[:FIRST_SHOWN], TimelineEntry(text=gap, at=None, tone="waiting"), *past[-LAST_SHOWN:])
    return (*past, *_next_entries(job, context))


def _past_entries(job: Job, job_events: Sequence[Event], context: ViewerContext) -> Iterator[TimelineEntry]:
    since, uncounted = None, 0
    for event, previous in zip(job_events, (None, *job_events), strict=False):
        number = event.attempt - uncounted
        uncounted += event.name in UNCOUNTED
        if _is_next_slice(event, previous) or _is_end_without_approval(event, previous):
            continue
        text, tone = _text(event, number, job, context)
        took = event.at - since if since else timedelta()
        yield TimelineEntry(text=text, at=context.time(event.at), tone=tone, note=_duration_note(event, took))
        since = since if event.name == EventName.CANCEL_REQUESTED or event.name in _WITHOUT_DURATION else event.at


def _is_next_slice(event: Event, previous: Event | None) -> bool:
    """Return whether the event is between two slices of an attempt; only the list of attempts shows slices."""
    after_slice = previous is not None and previous.name == EventName.CONTINUED
    return event.name == EventName.CONTINUED or (event.name == EventName.STARTED and after_slice)


def _is_end_without_approval(event: Event, previous: Event | None) -> bool:
    """Return whether the event is the stop that follows from a rejection, of which the one before says everything."""
    return event.name == EventName.CANCELLED and previous is not None and previous.name in _ENDS_WITHOUT_APPROVAL


def _text(event: Event, number: int, job: Job, context: ViewerContext) -> tuple[str, str]:
    if event.name == EventName.STARTED:
        several = job.attempts_allowed > 1 or number > 1
        text = _("%(attempt)s started", attempt=attempt_number(job, number)) if several else _("Started")
        return as_sentence(text).rstrip("."), "running"
    if event.name in _USER_ACTIONS and (event.actor_id or event.name not in _TRANSITIONS):
        text, tone = _USER_ACTIONS[event.name]
        person = context.name(event.actor_id)
        if event.name == EventName.CREATED and event.actor_id == job.triggered_by:
            person = context.on_behalf(job, person)
        sentence = str(text) % {"person": person, "file": event.detail, "detail": event.detail}
        return _with_token(event, sentence), tone
    text, tone = _TRANSITIONS.get(event.name, (event.name.replace("_", " ").capitalize(), "waiting"))
    return str(text), tone


def _with_token(event: Event, sentence: str) -> str:
    """Add the API token of a program that acted for a user."""
    if not event.detail or event.name in _WITH_OWN_DETAIL:
        return sentence
    return _("%(sentence)s, with the token %(name)s", sentence=sentence, name=event.detail)


def _duration_note(event: Event, took: timedelta) -> str:
    if took < _SHORTEST_DURATION:
        return ""
    if event.name in _AFTER_A_WAIT:
        return _("waited %(period)s", period=duration(took))
    return _("ran %(period)s", period=duration(took)) if event.name in _TRANSITIONS else ""


def _next_entries(job: Job, context: ViewerContext) -> Iterator[TimelineEntry]:
    if job.is_finished:
        return
    if job.waits_for_approval:
        at = context.time(job.approval_ends_at) if job.approval_ends_at else None
        yield TimelineEntry(text=_("Approval"), at=at, tone="next", note=_("until then"))
    if job.waits_for_answer:
        yield TimelineEntry(text=_("Answer"), at=None, tone="next", note=_("not yet"))
    if job.status is Status.SCHEDULED and job.run_at:
        yield TimelineEntry(text=_("Starts"), at=context.time(job.run_at), tone="next")
    yield TimelineEntry(text=_("Finished"), at=None, tone="next", note=_("not yet"))
