"""The rows of process snapshots: operators insert them, and workers fill them in.

A worker learns of a request from its own row, in the statement that it sends every second anyway.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.periods import period_in_units
from webapp.schema import leases, now, process_snapshots, workers

KEPT = 5  # of a job
_SILENT = timedelta(seconds=30)
_LATE = timedelta(seconds=15)  # workers look every second


class SnapshotRefused(Exception):
    """Raised when the process of a job cannot be asked; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSnapshot:
    """What the process of a job did at ``taken_at``; without that, its worker has not answered.

    ``content`` is that of `SnapshotTaker`, empty if the job did not run any more. ``note`` says why an answer is
    missing or incomplete.
    """

    id: UUID
    job_id: UUID
    attempt: int
    worker: str
    host: str
    requested_at: datetime
    requested_by: UUID | None
    taken_at: datetime | None
    content: Mapping[str, Any]
    note: str = ""

    @property
    def is_awaited(self) -> bool:
        """Whether the answer can be expected within seconds."""
        return self.taken_at is None and not self.note


class ProcessSnapshots:
    """The process snapshots of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(self, job: Job, *, by: UUID | None = None) -> ProcessSnapshot:
        """Ask the worker of a running job for a snapshot; raises `SnapshotRefused`."""
        if reason := _refusal(job):
            raise SnapshotRefused(reason)
        with writing(self._engine) as connection:
            worker, host = _worker_of(connection, job)
            if (awaited := _awaited(connection, job)) is not None:
                return awaited
            row = {"id": uuid7(), "job_id": job.id, "attempt": job.attempt, "worker": worker, "host": host}
            connection.execute(insert(process_snapshots).values(**row, requested_at=now(), requested_by=by))
            connection.execute(update(workers).where(workers.c.name == worker).values(snapshot_id=row["id"]))
            _remove_old(connection, job)
            return _snapshots_of(connection, job)[0]

    def of_job(self, job: Job) -> tuple[ProcessSnapshot, ...]:
        """Return the snapshots of a job, newest first."""
        with reading(self._engine) as connection:
            return _snapshots_of(connection, job)

    def attempt_of(self, snapshot_id: UUID) -> tuple[UUID, int] | None:
        """Return the job and the attempt of a request; ``None`` if it was removed."""
        columns = (process_snapshots.c.job_id, process_snapshots.c.attempt)
        with reading(self._engine) as connection:
            row = connection.execute(select(*columns).where(process_snapshots.c.id == snapshot_id)).first()
        return (row.job_id, row.attempt) if row else None

    def fill_in(self, snapshot_id: UUID, worker: str, content: Mapping[str, Any]) -> None:
        """Store what a worker has found, and take the request from its row."""
        filled_in = update(process_snapshots).where(process_snapshots.c.id == snapshot_id)
        own_row = (workers.c.name == worker, workers.c.snapshot_id == snapshot_id)
        with writing(self._engine) as connection:
            connection.execute(filled_in.values(taken_at=now(), content=dict(content)))
            connection.execute(update(workers).where(*own_row).values(snapshot_id=None))


def _refusal(job: Job) -> str:
    """Return why a job has no process that could be asked; empty if it has one."""
    if job.record_only:
        return "The work of this job is done outside Deskjob, so its process is unknown here."
    if job.status is Status.WAITING:
        return "Its own work is done: it waits for its child jobs, and no process belongs to it."
    return "" if job.status is Status.RUNNING else "This job is not running, so it has no process."


def _worker_of(connection: Connection, job: Job) -> tuple[str, str]:
    """Return the name and the host of the worker that runs a job; raises `SnapshotRefused` if it cannot answer."""
    holder = leases.outerjoin(workers, workers.c.name == leases.c.worker)
    columns = (leases.c.worker, leases.c.host, workers.c.name, workers.c.beat_at, now().label("now"))
    row = connection.execute(select(*columns).select_from(holder).where(leases.c.id == job.lease_id)).first()
    if row is None:
        raise SnapshotRefused("This job is not running, so it has no process.")
    if row.name is None:
        raise SnapshotRefused(f"This job runs in a command on {row.host}, which cannot be asked from here.")
    silent: timedelta = row.now - row.beat_at
    if silent > _SILENT:
        raise SnapshotRefused(
            f"The worker on {row.host} has been silent for {period_in_units(_whole_seconds(silent))}. "
            "Its machine or its connection to the database may be down."
        )
    return row.worker, row.host


def _whole_seconds(period: timedelta) -> timedelta:
    return timedelta(seconds=int(period.total_seconds()))


def _awaited(connection: Connection, job: Job) -> ProcessSnapshot | None:
    newest = next(iter(_snapshots_of(connection, job)), None)
    return newest if newest and newest.is_awaited else None


def _remove_old(connection: Connection, job: Job) -> None:
    old = [snapshot.id for snapshot in _snapshots_of(connection, job)[KEPT:]]
    if old:
        connection.execute(delete(process_snapshots).where(process_snapshots.c.id.in_(old)))


def _snapshots_of(connection: Connection, job: Job) -> tuple[ProcessSnapshot, ...]:
    of_job = select(process_snapshots, now().label("now")).where(process_snapshots.c.job_id == job.id)
    rows = connection.execute(of_job.order_by(process_snapshots.c.id.desc())).mappings()
    return tuple(_snapshot(row, job) for row in rows)


def _snapshot(row: RowMapping, job: Job) -> ProcessSnapshot:
    values = {name: value for name, value in row.items() if name not in {"now", "content"}}
    return ProcessSnapshot(**values, content=row["content"] or {}, note=_reason_without_answer(row, job))


def _reason_without_answer(row: RowMapping, job: Job) -> str:
    if row["taken_at"] is None:
        if job.status is not Status.RUNNING or job.attempt != row["attempt"]:
            return "The attempt ended before the worker could answer."
        is_late = row["now"] - row["requested_at"] > _LATE
        return "The worker has not answered. It may hang itself, or be of an older version." if is_late else ""
    if not row["content"]:
        return "The job did not run when the worker was asked: it had just ended, or not begun yet."
    if not row["content"].get("threads"):
        return "The process does not answer. It is paused, or hangs in the operating system, for example at a disk."
    return ""
