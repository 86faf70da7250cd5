"""What a running attempt may write. Every statement carries the fence.

The fence is the attempt's number in the WHERE of each write: a superseded attempt, however
late it wakes up, changes nothing and is told so by `LeaseLost`.
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
    literal_column,
    select,
    update,
)

from webapp.jobs.store.file_store import StoredFile
from webapp.schema import attachments, jobs, later, log_lines, now


class LeaseLost(BaseException):
    """Only the attempt that holds the job may write to it; this one was superseded.

    A `BaseException`, so that ``except Exception`` in a handler cannot swallow it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Which attempt of which job writes."""

    job_id: UUID
    attempt: int


OF_ATTEMPT = (jobs.c.id == bindparam("fence_job"), jobs.c.attempt == bindparam("fence_attempt"))
MINE = (*OF_ATTEMPT, jobs.c.status == literal_column("'running'"))


def report(connection: Connection, fence: Fence, values: Mapping[str, Any]) -> bool:
    """Write progress and the like; return whether somebody asked the job to stop.

    Raises `LeaseLost` if the attempt is not the job's any more.
    """
    statement = (
        update(jobs)
        .where(*MINE)
        .values(**values, heartbeat_at=now(), version=jobs.c.version + 1)
        .returning(jobs.c.cancel_requested_at)
    )
    row = connection.execute(statement, bound(fence)).first()
    if row is None:
        raise LeaseLost
    return row.cancel_requested_at is not None


def stop_requested(connection: Connection, fence: Fence) -> bool:
    """Read the stop flag without writing; raise `LeaseLost` as `report` does."""
    row = connection.execute(select(jobs.c.cancel_requested_at).where(*MINE), bound(fence)).first()
    if row is None:
        raise LeaseLost
    return row.cancel_requested_at is not None


def add_log(connection: Connection, fence: Fence, lines: Sequence[tuple[datetime, str, str]]) -> None:
    """Append lines ``(at, level, text)`` to the job's log; call it after `report` in one transaction."""
    rows = [
        {"job_id": fence.job_id, "attempt": fence.attempt, "at": at, "level": level, "text": text}
        for at, level, text in lines
    ]
    connection.execute(insert(log_lines), rows)


def add_output(connection: Connection, fence: Fence, file: StoredFile, keep_seconds: float) -> None:
    """Give the job a file that it made, if the attempt still holds it; else `LeaseLost`."""
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
        "expires_at": case((jobs.c.kept_at.is_(None), later(keep_seconds))),
    }
    source = select(*columns.values()).where(*MINE)
    statement = insert(attachments).from_select(list(columns), source).returning(attachments.c.id)
    if connection.execute(statement, bound(fence)).first() is None:
        raise LeaseLost


def has_file(connection: Connection, file_id: UUID) -> bool:
    """Tell whether a file has its row."""
    return connection.execute(select(attachments.c.id).where(attachments.c.id == file_id)).first() is not None


def bound(fence: Fence) -> dict[str, Any]:
    """Return the parameters of `MINE`."""
    return {"fence_job": fence.job_id, "fence_attempt": fence.attempt}
