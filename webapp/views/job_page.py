"""A job as a page of its own. Pure: the view asks, this describes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from webapp.jobs.attachments import Attachment
from webapp.jobs.job import Job, Status
from webapp.jobs.queries import Attempt, Event
from webapp.views import sayings, wording
from webapp.views.job_row import File, files
from webapp.views.moments import Moment, span
from webapp.views.reader import Reader
from webapp.views.sayings import Facts, Saying
from webapp.views.timeline import Line, timeline
from webapp.views.wording import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A warning or an error, for people."""

    text: str
    at: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """An attempt that has ended, for those who operate."""

    number: int
    outcome: str
    ran: str
    place: str
    traceback: str


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
    opened: bool
    reason: str
    warnings: tuple[Note, ...]
    errors: tuple[Note, ...]
    inputs: tuple[File, ...]
    outputs: tuple[File, ...]
    timeline: tuple[Line, ...]
    tries: tuple[Try, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the view has asked of a job, beside the job itself."""

    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...] = ()
    attached: tuple[Attachment, ...] = ()
    place: int | None = None
    workers: int | None = None
    usual: timedelta | None = None


def job_page(job: Job, found: Findings, reader: Reader) -> JobPage:
    """Describe a job to this reader."""
    opened = reader.may_open(job)
    offered = files(found.attached, reader)
    return JobPage(
        id=job.id,
        short_id=job.short_id,
        title=job.title,
        look=wording.look(job),
        saying=sayings.saying(_facts(job, found, reader)),
        runs=job.status in {Status.RUNNING, Status.WAITING},
        finished=job.is_finished,
        percent=wording.percent(job),
        amounts=wording.amounts(job),
        opened=opened,
        reason=_reason(job) if opened else "",
        warnings=_notes(job.warnings, reader) if opened else (),
        errors=_notes(_further_errors(job), reader) if opened else (),
        inputs=tuple(file for file in offered if file.role == "input"),
        outputs=tuple(file for file in offered if file.role == "output"),
        timeline=timeline(job, found.events, reader),
        tries=tuple(map(_try, found.attempts)),
    )


def _facts(job: Job, found: Findings, reader: Reader) -> Facts:
    asked = [event.actor_id for event in found.events if event.name in {"cancel_requested", "cancelled"}]
    by = reader.name(asked[0]) if asked and asked[0] else ""
    return Facts(
        job=job,
        now=reader.now,
        zone=reader.zone,
        place=found.place,
        workers=found.workers,
        usual=found.usual,
        stopped_by=by,
    )


def _reason(job: Job) -> str:
    ended_badly = job.status in {Status.FAILED, Status.STALE}
    return str(job.errors[-1].get("text", "")) if ended_badly and job.errors else ""


def _further_errors(job: Job) -> Sequence[Mapping[str, Any]]:
    return job.errors[:-1] if _reason(job) else job.errors


def _notes(notes: Sequence[Mapping[str, Any]], reader: Reader) -> tuple[Note, ...]:
    return tuple(Note(text=str(note.get("text", "")), at=_noted_at(note.get("at"), reader)) for note in notes)


def _noted_at(at: object, reader: Reader) -> Moment | None:
    return reader.time(datetime.fromisoformat(at)) if isinstance(at, str) and at else None


def _try(attempt: Attempt) -> Try:
    return Try(
        number=attempt.number,
        outcome=attempt.outcome,
        ran=span(attempt.finished_at - attempt.started_at),
        place=f"{attempt.worker} on {attempt.host}, process {attempt.pid}",
        traceback=attempt.traceback or "",
    )
