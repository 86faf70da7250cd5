"""A job as a page of its own: the view asks, this describes.

What the page of a job asks the services for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import request

from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.related_jobs import NO_RELATED_JOBS, RelatedJobs
from webapp.jobs.queries.visible_jobs import Attempt, Event
from webapp.jobs.queueing.queues import Queue
from webapp.jobs.store import events
from webapp.jobs.store.attachments import Attachment
from webapp.views.job import children
from webapp.views.job.attempts import Try, a_try
from webapp.views.job.available_actions import Action, actions
from webapp.views.job.children import Part
from webapp.views.job.failure_help import Failure, failure
from webapp.views.job.files import JobFile, job_files
from webapp.views.job.timeline import Line, timeline
from webapp.views.page.request import services, viewer
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text import status_labels, status_text
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.status_text import QueueFacts, QueuePause, StatusFacts, StatusText
from webapp.views.text.stored_messages import diagnostic_text, translated
from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A warning or an error, for people."""

    text: str
    at: FormattedTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """All that can change while a job's page is open."""

    id: UUID
    short_id: str
    title: str
    look: StatusLabel
    saying: StatusText
    runs: bool
    finished: bool
    percent: float | None
    amounts: str
    seconds_left: int | None
    opened: bool
    failure: Failure | None
    warnings: tuple[Note, ...]
    errors: tuple[Note, ...]
    inputs: tuple[JobFile, ...]
    outputs: tuple[JobFile, ...]
    timeline: tuple[Line, ...]
    tries: tuple[Try, ...]
    parts: tuple[Part, ...]
    part_count: int
    parts_failed: int
    kin: RelatedJobs
    actions: tuple[Action, ...]
    removed_at: FormattedTime | None
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the view has asked of a job, beside the job itself."""

    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...] = ()
    attached: tuple[Attachment, ...] = ()
    parts: tuple[Job, ...] = ()
    kin: RelatedJobs = NO_RELATED_JOBS
    queue: QueueFacts | None = None
    usual: timedelta | None = None
    shown_left: timedelta | None = None
    removed_at: datetime | None = None
    actions: tuple[Action, ...] = ()


def job_page(job: Job, found: Findings, reader: ViewerContext) -> JobPage:
    """Describe a job to this reader."""
    opened, facts = reader.may_open(job), _facts(job, found, reader)
    left = status_text.time_left(facts) if job.is_running else None
    explained = _failure(job, found) if opened else None
    return JobPage(
        id=job.id,
        short_id=job.short_id,
        title=translated(job.title),
        look=status_labels.status_label(job),
        saying=status_text.status_text(facts),
        runs=status_labels.appears_running(job),
        finished=job.is_finished,
        percent=status_labels.percent(job),
        amounts=status_labels.progress_summary(job, reader.now)
        if status_labels.appears_running(job)
        else status_labels.progress_amounts(job),
        seconds_left=round(left.total_seconds()) if left is not None else None,
        opened=opened,
        failure=explained,
        warnings=_notes(job.warnings, reader) if opened else (),
        errors=_notes(job.errors[:-1] if explained else job.errors, reader) if opened else (),
        inputs=job_files(found.attached, "input", reader),
        outputs=job_files(found.attached, "output", reader),
        timeline=timeline(job, found.events, reader),
        tries=tuple(a_try(attempt, reader) for attempt in found.attempts),
        parts=children.rows(found.parts, reader, opened=opened),
        part_count=job.parts,
        parts_failed=job.parts_failed,
        kin=found.kin,
        actions=found.actions,
        removed_at=reader.day(found.removed_at) if found.removed_at else None,
        kept=job.kept_at is not None,
    )


def _facts(job: Job, found: Findings, reader: ViewerContext) -> StatusFacts:
    asked = [event.actor_id for event in found.events if event.name in {events.CANCEL_REQUESTED, "cancelled"}]
    who = [actor for actor in asked if actor]
    by = reader.name(who[-1]) if who else ""
    return StatusFacts(
        job=job,
        now=reader.now,
        zone=reader.zone,
        queue=found.queue,
        usual=found.usual,
        shown_left=found.shown_left,
        stopped_by=by,
    )


def _failure(job: Job, found: Findings) -> Failure | None:
    possible = {action.verb for action in found.actions if not action.refusal}
    return failure(job, may_retry="retry" in possible, may_change="run-again" in possible)


def _notes(notes: Sequence[Mapping[str, Any]], reader: ViewerContext) -> tuple[Note, ...]:
    return tuple(Note(text=diagnostic_text(note), at=_noted_at(note.get("at"), reader)) for note in notes)


def _noted_at(at: object, reader: ViewerContext) -> FormattedTime | None:
    return reader.time(datetime.fromisoformat(at)) if isinstance(at, str) and at else None


PARTS_SHOWN = 20
_LONGEST = timedelta(days=365)


def findings(job: Job, reading: ViewerContext) -> Findings:
    """Ask for all that one page shows beside the job itself; what this reader may not open is left out."""
    queries, opened = services().queries, reading.may_open(job)
    return Findings(
        events=queries.jobs.timeline(job.id),
        attempts=queries.jobs.attempts(job.id) if opened else (),
        attached=queries.files.attachments_ever(job.id) if opened else (),
        parts=queries.related.notable_children(job.id, limit=PARTS_SHOWN) if job.parts else (),
        kin=queries.related.find(viewer(), job),
        queue=queue_outlook(job, reading),
        usual=None if job.is_finished else queries.estimates.usual_duration(job.type),
        shown_left=_shown_left(reading),
        removed_at=services().pruner.deletion_time(job),
        actions=actions(job, services().registry, reading),
    )


def queue_outlook(job: Job, reading: ViewerContext | None = None) -> QueueFacts | None:
    """Return what is known of the queue in which a job waits; without a reader, nothing is guessed."""
    if job.status is not Status.QUEUED or job.record_only:
        return None
    workers = services().wake_ups.workers_alive(job.queue)
    queue = services().queues.stored(job.queue)
    guess = (
        services().queries.estimates.starts_within(job, workers=workers, limited=_limited(job, queue))
        if reading
        else None
    )
    return QueueFacts(
        place=services().queries.estimates.place_in_queue(job),
        workers=workers,
        starts_within=guess,
        pause=_pause(queue, reading),
    )


def _pause(queue: Queue, reading: ViewerContext | None) -> QueuePause | None:
    if queue.paused_at is None:
        return None
    named = reading and reading.viewer.sees_all and queue.paused_by
    by = reading.name(queue.paused_by) if reading and named else _("an operator")
    return QueuePause(by=by, since=queue.paused_at, reason=queue.reason)


def _limited(job: Job, queue: Queue) -> bool:
    registry = services().registry
    return queue.max_running is not None or job.type not in registry or bool(registry.get(job.type).limits)


def _shown_left(reading: ViewerContext) -> timedelta | None:
    """Return the time left that the page was told last, less what has passed since: its poll says both."""
    left, told_at = (request.args.get(name, type=int) for name in ("left", "at"))
    if left is None or told_at is None:
        return None
    passed = reading.now.timestamp() - told_at
    if not 0 <= passed <= _LONGEST.total_seconds() or not 0 <= left <= _LONGEST.total_seconds():
        return None
    return timedelta(seconds=max(left - passed, 0.0))
