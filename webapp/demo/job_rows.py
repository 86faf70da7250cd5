"""The rows of one job that has ended: its own, its attempts, its events, the lines of its log. Pure but for chance."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from webapp.demo.scenarios import Story, payload
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model.job import Status
from webapp.jobs.store.file_store import StoredFile

Row = dict[str, Any]
_HOST, _WORKERS = "demo-1", ("one", "two", "three")
_HICCUP = "OSError: [Errno 28] No space left on device"
_STEPS = 12  # lines of a whole log


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt: when it began and was over, and how."""

    number: int
    begun: datetime
    over: datetime
    outcome: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job that went as ``story`` tells, from ``created`` on; nobody's (``owner_id`` None) is the system's."""

    id: UUID
    job_type: JobType
    story: Story
    owner_id: UUID | None
    created: datetime

    @property
    def started(self) -> datetime:
        """When its first attempt began."""
        return self.created + timedelta(seconds=self.story.waited)

    @property
    def ended(self) -> datetime:
        """When its last attempt was over."""
        return self.started + timedelta(seconds=self.story.ran)

    @property
    def tries(self) -> tuple[Try, ...]:
        """Return its attempts; all but the last failed."""
        last = self.story.status.value, self.story.error
        if self.story.tries == 1:
            return (Try(number=1, begun=self.started, over=self.ended, outcome=last[0], error=last[1]),)
        middle = self.started + timedelta(seconds=self.story.ran / 3)
        return (
            Try(number=1, begun=self.started, over=middle, outcome="failed", error=_HICCUP),
            Try(number=2, begun=middle, over=self.ended, outcome=last[0], error=last[1]),
        )


def job_row(job: Ended, file: StoredFile | None, chance: Random) -> Row:
    """Return the job's own row; without its ``file`` it tells of one that was removed since."""
    story, kind = job.story, job.job_type
    gone = (story.done * 57, f"{chance.getrandbits(256):064x}")
    size, sha256 = (file.size, file.sha256) if file else gone
    stopped = story.status is Status.CANCELLED
    return {
        "id": job.id,
        "type": kind.name,
        "title": kind.title,
        "status": story.status.value,
        "queue": kind.queue,
        "priority": kind.priority,
        "payload": payload(story.file, size, sha256),
        "attempt": story.tries,
        "max_attempts": max(kind.retry.max_attempts, story.tries),
        "owner_id": job.owner_id,
        "public": job.owner_id is None,
        "triggered_by": job.owner_id,
        "cancel_requested_at": job.ended - timedelta(seconds=1) if stopped else None,
        "cancel_kind": "cooperative" if stopped else None,
        **_words(job),
        **_times(job),
    }


def attempt_rows(job: Ended, chance: Random) -> Iterator[Row]:
    """Yield a row for each attempt."""
    for one in job.tries:
        yield {
            "job_id": job.id,
            "number": one.number,
            "outcome": one.outcome,
            "worker": chance.choice(_WORKERS),
            "host": _HOST,
            "pid": chance.randint(2000, 32000),
            "started_at": one.begun,
            "finished_at": one.over,
            "error": one.error or None,
            "peak_memory": chance.randint(60, 320) * 1024**2,
            "cpu_seconds": round((one.over - one.begun).total_seconds() * chance.uniform(0.4, 0.95), 2),
        }


def event_rows(job: Ended) -> Iterator[Row]:
    """Yield what happened, in its order."""
    yield _event(job, job.created, "created", 0, actor_id=job.owner_id)
    for one in job.tries:
        yield _event(job, one.begun, "started", one.number)
        if one.outcome == Status.CANCELLED:
            asked_at = max(one.begun, one.over - timedelta(seconds=1))
            yield _event(job, asked_at, "cancel_requested", one.number, actor_id=job.owner_id)
        yield _event(job, one.over, one.outcome, one.number, detail=one.error)


def log_rows(job: Ended) -> Iterator[Row]:
    """Yield the lines that its last attempt wrote."""
    story = job.story
    yield _line(job, 0, "INFO", f"Reading {story.file}" if story.file else "Reading the database")
    for step in range(1, int(_STEPS * story.progress / 100)):
        yield _line(job, step / _STEPS, "INFO", f"{story.done * step // _STEPS:,} of {story.done:,} rows")
    for warning in story.warnings:
        yield _line(job, 1, "WARNING", warning)


def _words(job: Ended) -> Row:
    story, at = job.story, job.ended.isoformat()
    return {
        "progress": story.progress,
        "message": story.message,
        "warnings": [{"text": text, "at": at} for text in story.warnings],
        "errors": [{"text": story.error, "at": at}] if story.error else [],
    }


def _times(job: Ended) -> Row:
    last = job.tries[-1]
    return {"created_at": job.created, "started_at": last.begun, "finished_at": job.ended, "heartbeat_at": job.ended}


def _event(job: Ended, at: datetime, name: str, attempt: int, *, actor_id: UUID | None = None, detail: str = "") -> Row:
    return {"job_id": job.id, "at": at, "name": name, "attempt": attempt, "actor_id": actor_id, "detail": detail}


def _line(job: Ended, part: float, level: str, text: str) -> Row:
    at = job.started + timedelta(seconds=job.story.ran * part)
    return {"job_id": job.id, "attempt": job.story.tries, "at": at, "level": level, "text": text}
