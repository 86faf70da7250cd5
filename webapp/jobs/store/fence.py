"""Writes of a running attempt, each guarded by the fencing token.

The token is the attempt number in the WHERE clause of every write: an attempt that was superseded
changes nothing, however late it writes, and gets `LeaseLost`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    String,
    Uuid,
    bindparam,
    case,
    insert,
    literal,
    select,
    update,
)

from webapp.jobs.model.job import Status
from webapp.jobs.store.attachments import FileLifetime
from webapp.jobs.store.file_store import StoredFile
from webapp.jobs.store.transitions import status_of_known_job
from webapp.schema import attachments, jobs, later, log_lines, now


class LeaseLost(BaseException):
    """Raised when an attempt writes that no longer holds its job.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The job and the attempt number that a write belongs to."""

    job_id: UUID
    attempt: int


HAS_FENCE = (jobs.c.id == bindparam("fence_job"), jobs.c.attempt == bindparam("fence_attempt"))
IS_CURRENT_ATTEMPT = (*HAS_FENCE, status_of_known_job(Status.RUNNING))


def report(connection: Connection, fence: Fence, values: Mapping[str, Any]) -> bool:
    """Write progress and other columns of the job; return whether a stop was requested.

    Raises `LeaseLost` if the attempt no longer holds the job.
    """
    statement = (
        update(jobs)
        .where(*IS_CURRENT_ATTEMPT)
        .values(**values, heartbeat_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.cancel_requested_at)
    )
    row = connection.execute(statement, fence_parameters(fence)).first()
    if row is None:
        raise LeaseLost
    return row.cancel_requested_at is not None


def stop_requested(connection: Connection, fence: Fence) -> bool:
    """Return whether a stop was requested, without writing; raise `LeaseLost` as `report` does."""
    row = connection.execute(
        select(jobs.c.cancel_requested_at).where(*IS_CURRENT_ATTEMPT), fence_parameters(fence)
    ).first()
    if row is None:
        raise LeaseLost
    return row.cancel_requested_at is not None


def add_log_lines(connection: Connection, fence: Fence, lines: Sequence[tuple[datetime, str, str]]) -> None:
    """Append lines ``(at, level, text)`` to the job's log; call it after `report`, in the same transaction."""
    rows = [
        {"job_id": fence.job_id, "attempt": fence.attempt, "at": at, "level": level, "text": text}
        for at, level, text in lines
    ]
    connection.execute(insert(log_lines), rows)


def add_output(connection: Connection, fence: Fence, file: StoredFile, lifetime: FileLifetime) -> None:
    """Add an output file to the job; raise `LeaseLost` if the attempt no longer holds it."""
    columns = {
        "id": literal(file.id, Uuid),
        "job_id": jobs.c.id,
        "attempt": literal(fence.attempt, Integer),
        "role": literal("output", String),
        "name": literal(file.name, String),
        "media_type": literal(file.media_type, String),
        "size": literal(file.size, BigInteger),
        "sha256": literal(file.sha256, String),
        "created_at": now(),
        "expires_at": case((jobs.c.kept_at.is_(None), later(lifetime.seconds))),
        "keep_seconds": literal(lifetime.own_seconds, BigInteger),
    }
    source = select(*columns.values()).where(*IS_CURRENT_ATTEMPT)
    statement = insert(attachments).from_select(list(columns), source).returning(attachments.c.id)
    if connection.execute(statement, fence_parameters(fence)).first() is None:
        raise LeaseLost


def has_file(connection: Connection, file_id: UUID) -> bool:
    """Return whether a file has a row."""
    return connection.execute(select(attachments.c.id).where(attachments.c.id == file_id)).first() is not None


def fence_parameters(fence: Fence) -> dict[str, Any]:
    """Return the parameters of `HAS_FENCE` and `IS_CURRENT_ATTEMPT`."""
    return {"fence_job": fence.job_id, "fence_attempt": fence.attempt}
