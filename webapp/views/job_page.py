"""A job as a page of its own: the view asks, this describes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from webapp.jobs import events
from webapp.jobs.attachments import Attachment
from webapp.jobs.job import Job
from webapp.jobs.kinship import NO_KIN, Kin
from webapp.jobs.queries import Attempt, Event
from webapp.views import parts, sayings, wording
from webapp.views.advice import Failure, failure
from webapp.views.doable import Action
from webapp.views.facts import Facts, Saying
from webapp.views.job_files import JobFile, job_files
from webapp.views.moments import Moment
from webapp.views.parts import Part
from webapp.views.reader import Reader
from webapp.views.timeline import Line, timeline
from webapp.views.tries import Try, a_try
from webapp.views.waiting import Outlook
from webapp.views.wording import Look
from webapp.views.written import note_in_words, translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A warning or an error, for people."""

    text: str
    at: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """All that can change while a job's page is open."""

    id: UUID
    short_id: str
    title: str
    look: Look
    saying: Saying
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
    kin: Kin
    actions: tuple[Action, ...]
    removed_at: Moment | None
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the view has asked of a job, beside the job itself."""

    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...] = ()
    attached: tuple[Attachment, ...] = ()
    parts: tuple[Job, ...] = ()
    kin: Kin = NO_KIN
    queue: Outlook | None = None
    usual: timedelta | None = None
    shown_left: timedelta | None = None
    removed_at: datetime | None = None
    actions: tuple[Action, ...] = ()


def job_page(job: Job, found: Findings, reader: Reader) -> JobPage:
    """Describe a job to this reader."""
    opened, facts = reader.may_open(job), _facts(job, found, reader)
    left = sayings.time_left(facts) if job.is_running else None
    explained = _failure(job, found) if opened else None
    return JobPage(
        id=job.id,
        short_id=job.short_id,
        title=translated(job.title),
        look=wording.look(job),
        saying=sayings.saying(facts),
        runs=wording.runs(job),
        finished=job.is_finished,
        percent=wording.percent(job),
        amounts=wording.standing(job, reader.now) if wording.runs(job) else wording.amounts(job),
        seconds_left=round(left.total_seconds()) if left is not None else None,
        opened=opened,
        failure=explained,
        warnings=_notes(job.warnings, reader) if opened else (),
        errors=_notes(job.errors[:-1] if explained else job.errors, reader) if opened else (),
        inputs=job_files(found.attached, "input", reader),
        outputs=job_files(found.attached, "output", reader),
        timeline=timeline(job, found.events, reader),
        tries=tuple(a_try(attempt, reader) for attempt in found.attempts),
        parts=parts.rows(found.parts, reader, opened=opened),
        part_count=job.parts,
        parts_failed=job.parts_failed,
        kin=found.kin,
        actions=found.actions,
        removed_at=reader.day(found.removed_at) if found.removed_at else None,
        kept=job.kept_at is not None,
    )


def _facts(job: Job, found: Findings, reader: Reader) -> Facts:
    asked = [event.actor_id for event in found.events if event.name in {events.CANCEL_REQUESTED, "cancelled"}]
    who = [actor for actor in asked if actor]
    by = reader.name(who[-1]) if who else ""
    return Facts(
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


def _notes(notes: Sequence[Mapping[str, Any]], reader: Reader) -> tuple[Note, ...]:
    return tuple(Note(text=note_in_words(note), at=_noted_at(note.get("at"), reader)) for note in notes)


def _noted_at(at: object, reader: Reader) -> Moment | None:
    return reader.time(datetime.fromisoformat(at)) if isinstance(at, str) and at else None
