"""Presence: the row by which a worker says that it is there, and reads what is asked of it.

A worker announces itself, beats while it lives, and leaves. What is asked of it stands in the
row too, so it is obeyed on whatever machine the worker runs, and with Redis away.
"""

from collections.abc import Collection
from contextlib import suppress
from enum import StrEnum
from time import monotonic
from uuid import UUID

import psutil
from sqlalchemy import Engine, delete, exists, insert, select, update
from sqlalchemy.exc import DBAPIError

from webapp.db.engine import reading, writing
from webapp.jobs.execution.leases import Holder
from webapp.schema import later, leases, now, workers

BEAT_SECONDS = 5.0
_LOOK_SECONDS = 1.0
FORGOTTEN_AFTER = 4  # leases' times without a beat: whatever the worker held is settled long before


class StopRequest(StrEnum):
    """What is asked of a worker: to end after its job, or now, its job being handed back."""

    DRAIN = "drain"
    NOW = "now"


class WorkerHeartbeat:
    """One worker's own row."""

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
        self._mine = workers.c.name == holder.worker
        self._pid = holder.pid
        self._beat_due = self._look_due = 0.0
        self._wish: StopRequest | None = None

    def poll(self, horse_pid: int = 0) -> StopRequest | None:
        """Beat when that is due; return what is asked of the worker. Cheap enough for every second.

        A database that is away costs nothing but the beat.
        """
        at = monotonic()
        if at >= self._look_due:
            self._look_due = at + _LOOK_SECONDS
            with suppress(DBAPIError):  # the watch and the claim say so
                self._wish = self._ask(at, horse_pid)
        return self._wish

    def _ask(self, at: float, horse_pid: int) -> StopRequest | None:
        if at < self._beat_due:
            with reading(self._engine) as connection:
                return _wish(connection.execute(select(workers.c.wish).where(self._mine)).scalar())
        self._beat_due = at + BEAT_SECONDS
        beat = {"beat_at": now(), "memory": _resident(self._pid), "horse_memory": _resident(horse_pid)}
        with writing(self._engine) as connection:
            row = connection.execute(update(workers).where(self._mine).values(**beat).returning(workers.c.wish)).first()
            if row is None:  # the first time, or it was silent for so long that it was forgotten
                connection.execute(insert(workers).values(**self._row, **beat, started_at=now()))
        return _wish(row.wish) if row else None


def add_job_counts(engine: Engine, worker: str, *, done: int, failed: int) -> None:
    """Add to how many jobs a worker has ended."""
    more = {"done": workers.c.done + done, "failed": workers.c.failed + failed}
    with writing(engine) as connection:
        connection.execute(update(workers).where(workers.c.name == worker).values(**more))


def request_stop(engine: Engine, worker: str, wish: StopRequest, *, by: UUID | None = None) -> bool:
    """Ask a worker to end; tell whether it is there. What was asked before is only made more urgent."""
    fits = (workers.c.name == worker, workers.c.wish.is_distinct_from(StopRequest.NOW.value))
    asked = {"wish": wish.value, "wished_at": now(), "wished_by": by}
    with writing(engine) as connection:
        connection.execute(update(workers).where(*fits).values(**asked))
        return connection.execute(select(exists().where(workers.c.name == worker))).scalar_one()


def remove_workers(engine: Engine, *names: str) -> None:
    """Remove the rows of workers that have ended."""
    with writing(engine) as connection:
        connection.execute(delete(workers).where(workers.c.name.in_(names)))


def remove_silent_workers(engine: Engine, lease_seconds: float) -> int:
    """Remove the rows of workers that nobody has heard of for long and that hold no lease; return how many."""
    silent = workers.c.beat_at < later(-lease_seconds * FORGOTTEN_AFTER)
    holds = exists().where(leases.c.worker == workers.c.name)
    with reading(engine) as connection:
        gone = connection.execute(select(workers.c.name).where(silent, ~holds)).scalars().all()
    if gone:
        with writing(engine) as connection:
            connection.execute(delete(workers).where(workers.c.name.in_(gone), silent))
    return len(gone)


def _wish(word: str | None) -> StopRequest | None:
    return StopRequest(word) if word in set(StopRequest) else None


def _resident(pid: int) -> int | None:
    """Return the memory that a process has, in bytes; ``None`` if it has gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else None
    except psutil.Error:
        return None
