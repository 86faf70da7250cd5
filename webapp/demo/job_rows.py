"""The database rows of a finished demo job: job, attempts, events and log lines. Pure except for random numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from webapp.demo.scenarios import Scenario, payload
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model.diagnostics import make_diagnostic
from webapp.jobs.model.job import EventName, Status
from webapp.jobs.store.events import EventRow
from webapp.jobs.store.file_store import StoredFile

Row = dict[str, Any]
_HOST, _WORKERS = "demo-1", ("one", "two", "three")
_FIRST_ERROR = "OSError: [Errno 28] No space left on device"
_STEPS = 12  # lines of a complete log


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """One attempt: its start, end and outcome."""

    number: int
    started: datetime
    ended: datetime
    outcome: EventName
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastJob:
    """A finished job that followed ``scenario``; without ``owner_id`` it is a system job."""

    id: UUID
    job_type: JobType
    scenario: Scenario
    owner_id: UUID | None
    created: datetime

    @property
    def started(self) -> datetime:
        """When its first attempt started."""
        return self.created + timedelta(seconds=self.scenario.waited)

    @property
    def ended(self) -> datetime:
        """When its last attempt finished."""
        return self.started + timedelta(seconds=self.scenario.ran)

    @property
    def attempts(self) -> tuple[PastAttempt, ...]:
        """Its attempts; all but the last one failed."""
        last = EventName(self.scenario.status), self.scenario.error
        if self.scenario.attempt_count == 1:
            return (PastAttempt(number=1, started=self.started, ended=self.ended, outcome=last[0], error=last[1]),)
        halfway = self.started + timedelta(seconds=self.scenario.ran / 3)
        return (
            PastAttempt(number=1, started=self.started, ended=halfway, outcome=EventName.FAILED, error=_FIRST_ERROR),
            PastAttempt(number=2, started=halfway, ended=self.ended, outcome=last[0], error=last[1]),
        )


def job_row(job: PastJob, file: StoredFile | None, rng: Random) -> Row:
    """Return the row of the job; without ``file``, its payload names an input file that was deleted since."""
    scenario, job_type = job.scenario, job.job_type
    deleted = (scenario.done * 57, f"{rng.getrandbits(256):064x}")
    size, sha256 = (file.size, file.sha256) if file else deleted
    stopped = scenario.status is Status.CANCELLED
    return {
        "id": job.id,
        "type": job_type.name,
        "title": f"{job_type.title}: {scenario.file}" if scenario.file else job_type.title,
        "status": scenario.status.value,
        "queue": job_type.queue,
        "priority": job_type.priority,
        "payload": payload(scenario.file, size, sha256),
        "attempt": scenario.attempt_count,
        "max_attempts": max(job_type.retry.max_attempts, scenario.attempt_count),
        "owner_id": job.owner_id,
        "public": job.owner_id is None,
        "triggered_by": job.owner_id,
        "cancel_requested_at": job.ended - timedelta(seconds=1) if stopped else None,
        "cancel_kind": "cooperative" if stopped else None,
        **_texts(job),
        **_times(job),
    }


def attempt_rows(job: PastJob, rng: Random) -> Iterator[Row]:
    """Yield the rows of its attempts."""
    for attempt in job.attempts:
        yield {
            "job_id": job.id,
            "number": attempt.number,
            "outcome": attempt.outcome,
            "worker": rng.choice(_WORKERS),
            "host": _HOST,
            "pid": rng.randint(2000, 32000),
            "started_at": attempt.started,
            "finished_at": attempt.ended,
            "error": attempt.error or None,
            "peak_memory": rng.randint(60, 320) * 1024**2,
            "cpu_seconds": round((attempt.ended - attempt.started).total_seconds() * rng.uniform(0.4, 0.95), 2),
        }


def event_rows(job: PastJob) -> Iterator[EventRow]:
    """Yield the rows of its events, in order."""
    yield _event(job, job.created, EventName.CREATED, 0, actor_id=job.owner_id)
    for attempt in job.attempts:
        yield _event(job, attempt.started, EventName.STARTED, attempt.number)
        if attempt.outcome is EventName.CANCELLED:
            requested_at = max(attempt.started, attempt.ended - timedelta(seconds=1))
            yield _event(job, requested_at, EventName.CANCEL_REQUESTED, attempt.number, actor_id=job.owner_id)
        yield _event(job, attempt.ended, attempt.outcome, attempt.number, detail=attempt.error)


def log_rows(job: PastJob) -> Iterator[Row]:
    """Yield the log lines of its last attempt."""
    scenario = job.scenario
    yield _line(job, 0, "INFO", f"Reading {scenario.file}" if scenario.file else "Reading the database")
    for step in range(1, int(_STEPS * scenario.progress / 100)):
        yield _line(job, step / _STEPS, "INFO", f"{scenario.done * step // _STEPS:,} of {scenario.done:,} rows")
    for warning in scenario.warnings:
        yield _line(job, 1, "WARNING", warning)


def _texts(job: PastJob) -> Row:
    scenario, at = job.scenario, job.ended.isoformat()
    return {
        "progress": scenario.progress,
        "message": scenario.message,
        "warnings": [{"text": text, "at": at} for text in scenario.warnings],
        "errors": [make_diagnostic(scenario.error, scenario.error_key, at=at)] if scenario.error else [],
    }


def _times(job: PastJob) -> Row:
    last = job.attempts[-1]
    return {"created_at": job.created, "started_at": last.started, "finished_at": job.ended, "heartbeat_at": job.ended}


def _event(
    job: PastJob, at: datetime, name: EventName, attempt: int, *, actor_id: UUID | None = None, detail: str = ""
) -> EventRow:
    return {"job_id": job.id, "at": at, "name": name, "attempt": attempt, "actor_id": actor_id, "detail": detail}


def _line(job: PastJob, part: float, level: str, text: str) -> Row:
    at = job.started + timedelta(seconds=job.scenario.ran * part)
    return {"job_id": job.id, "attempt": job.scenario.attempt_count, "at": at, "level": level, "text": text}
