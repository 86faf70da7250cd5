"""The worker heartbeat: a row per worker, in which it shows that it is alive and reads requests.

A worker inserts its row, updates it while it is alive, and removes it at its end. Requests to stop and to take a
process snapshot are in the row too, so they reach the worker on any machine and while Redis is away.
"""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING

import psutil
from sqlalchemy import bindparam, delete, exists, insert, select, update
from sqlalchemy.exc import DBAPIError

from webapp.db.engine import reading, writing, writing_autocommit
from webapp.db.prepared_statement import PreparedStatement
from webapp.schema import later, leases, now, workers

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy import Connection, Engine, Row

    from webapp.jobs.execution.leases import Holder

    _RequestRow = Row[str | None, UUID | None]

BEAT_SECONDS = 5.0
_POLL_SECONDS = 1.0
REMOVED_AFTER = 4  # lease periods without a heartbeat; the worker's leases are settled long before
_REQUESTS = (workers.c.wish, workers.c.snapshot_id)
_ADD_COUNTS = PreparedStatement(
    update(workers)
    .where(workers.c.name == bindparam("counted_worker"))
    .values(done=workers.c.done + bindparam("more_done"), failed=workers.c.failed + bindparam("more_failed"))
)


class StopRequest(StrEnum):
    """A request to a worker: stop after the current job, or now, with the job handed back."""

    DRAIN = "drain"
    NOW = "now"


class WorkerHeartbeat:
    """The row of one worker."""

    def __init__(self, engine: Engine, holder: Holder, queues: Collection[str], version: str) -> None:
        self._engine = engine
        self._row = {
            "name": holder.worker,
            "host": holder.host,
            "boot_id": holder.boot_id,
            "pid": holder.pid,
            "queues": list(queues),
            "version": version,
        }
        self._own_row = workers.c.name == holder.worker
        self._pid = holder.pid
        self._beat_due = self._poll_due = 0.0
        self._stop_request: StopRequest | None = None
        self.requested_snapshot: UUID | None = None  # as of the last poll

    def poll(self, horse_pid: int = 0) -> StopRequest | None:
        """Send a heartbeat if one is due; return the current stop request. Cheap enough for every second.

        While the database is away, the last known request is returned.
        """
        at = monotonic()
        if at >= self._poll_due:
            self._poll_due = at + _POLL_SECONDS
            with suppress(DBAPIError):  # the watchdog and the claim report it
                row = self._read_requests(at, horse_pid)
                self._stop_request = _as_request(row.wish) if row else None
                self.requested_snapshot = row.snapshot_id if row else None
        return self._stop_request

    def _read_requests(self, at: float, horse_pid: int) -> _RequestRow | None:
        """Return the requests in the row; ``None`` if the row did not exist."""
        if at < self._beat_due:
            with reading(self._engine) as connection:
                return self._requests(connection)
        self._beat_due = at + BEAT_SECONDS
        with writing(self._engine) as connection:
            return self._beat(connection, horse_pid)

    def rehearse(self, connection: Connection) -> None:
        """Run the statements once; the caller rolls them back, and its forks need not compile them."""
        self._beat(connection, 0)
        self._requests(connection)

    def _requests(self, connection: Connection) -> _RequestRow | None:
        return connection.execute(select(*_REQUESTS).where(self._own_row)).first()

    def _beat(self, connection: Connection, horse_pid: int) -> _RequestRow | None:
        beat = {"beat_at": now(), "memory": _memory_of(self._pid), "horse_memory": _memory_of(horse_pid)}
        row = connection.execute(update(workers).where(self._own_row).values(**beat).returning(*_REQUESTS)).first()
        if row is None:  # the first heartbeat, or the row was removed because the worker was silent for too long
            connection.execute(insert(workers).values(**self._row, **beat, started_at=now()))
        return row


def add_job_counts(engine: Engine, worker: str, *, done: int, failed: int) -> None:
    """Add to the numbers of jobs that a worker has completed and failed."""
    with writing_autocommit(engine) as connection:
        _ADD_COUNTS.execute(connection, {"counted_worker": worker, "more_done": done, "more_failed": failed})


def request_stop(engine: Engine, worker: str, request: StopRequest, *, by: UUID | None = None) -> bool:
    """Request a worker to stop; return whether it exists. A request can become more urgent, never less."""
    less_urgent = (workers.c.name == worker, workers.c.wish.is_distinct_from(StopRequest.NOW.value))
    values = {"wish": request.value, "wished_at": now(), "wished_by": by}
    with writing(engine) as connection:
        connection.execute(update(workers).where(*less_urgent).values(**values))
        return connection.execute(select(exists().where(workers.c.name == worker))).scalar_one()


def remove_workers(engine: Engine, *names: str) -> None:
    """Remove the rows of workers that have stopped."""
    with writing(engine) as connection:
        connection.execute(delete(workers).where(workers.c.name.in_(names)))


def remove_silent_workers(engine: Engine, lease_seconds: float) -> int:
    """Remove the rows of workers without a recent heartbeat and without a lease; return how many."""
    silent = workers.c.beat_at < later(-lease_seconds * REMOVED_AFTER)
    holds = exists().where(leases.c.worker == workers.c.name)
    with reading(engine) as connection:
        gone = connection.execute(select(workers.c.name).where(silent, ~holds)).scalars().all()
    if gone:
        with writing(engine) as connection:
            connection.execute(delete(workers).where(workers.c.name.in_(gone), silent))
    return len(gone)


def _as_request(value: str | None) -> StopRequest | None:
    return StopRequest(value) if value in set(StopRequest) else None


def _memory_of(pid: int) -> int | None:
    """Return the resident memory of a process in bytes; ``None`` if the process is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else None
    except psutil.Error:
        return None
