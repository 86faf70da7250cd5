"""Queues: which there are, paused or not, and how many of their jobs may run at once.

Emptying: every job that waits in a queue is stopped, batch by batch, each in a transaction of its own.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from uuid import UUID

from sqlalchemy import Connection, Engine, func, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import NO_QUEUE
from webapp.jobs.queueing import latency
from webapp.jobs.queueing.claim import queues_with_jobs
from webapp.jobs.queueing.latency import QueueLatency
from webapp.schema import jobs, now, queues

BATCH = 2000
_QUEUED = jobs.c.status == literal_column("'queued'")
Stop = Callable[[Collection[UUID]], None]


def empty(engine: Engine, queue: str, stop: Stop, seconds: float) -> int:
    """Stop what waits in ``queue`` now, not what comes meanwhile; return how many were told to.

    No batch is begun after ``seconds``: what then still waits is left for another time.
    """
    began, stopped = monotonic(), 0
    last = _newest(engine, queue)
    while last and monotonic() - began < seconds and (some := _some(engine, queue, last)):
        stop(some)
        stopped += len(some)
    return stopped


def _newest(engine: Engine, queue: str) -> UUID | None:
    with reading(engine) as connection:
        found = select(jobs.c.id).where(jobs.c.queue == queue, _QUEUED).order_by(jobs.c.id.desc()).limit(1)
        return connection.execute(found).scalar()


def _some(engine: Engine, queue: str, last: UUID) -> list[UUID]:
    waiting = select(jobs.c.id).where(jobs.c.queue == queue, _QUEUED, jobs.c.id <= last)
    with reading(engine) as connection:
        return list(connection.execute(waiting.limit(BATCH)).scalars())


def count(engine: Engine, queue: str) -> int:
    """Return how many jobs wait in a queue."""
    with reading(engine) as connection:
        return connection.execute(select(func.count()).where(jobs.c.queue == queue, _QUEUED)).scalar_one()


NAME_LIMIT = 80
_PAUSED = select(queues).where(queues.c.paused_at.is_not(None))  # once, for each poll asks it


class UnknownQueue(Exception):
    """A queue is one that a job type uses, or that jobs wait in."""

    def __init__(self, name: str) -> None:
        """Name what was asked for."""
        super().__init__(f"There is no queue {name!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A named line of waiting jobs; ``paused_at`` is None while its jobs are taken."""

    name: str
    paused_at: datetime | None = None
    paused_by: UUID | None = None
    reason: str = ""
    max_running: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoad:
    """How many jobs of a queue could start now, and how many run."""

    waiting: int = 0
    running: int = 0


class Queues:
    """The queues of one database; ``known`` are those of the job types."""

    def __init__(self, engine: Engine, known: tuple[str, ...]) -> None:
        self._engine = engine
        self._known = known

    def all(self) -> tuple[Queue, ...]:
        """Return the queues that types name, that were ever set, and in which something waits or runs."""
        with reading(self._engine) as connection:
            kept = {row["name"]: Queue(**row) for row in connection.execute(select(queues)).mappings()}
            used = {*queues_with_jobs(connection), *_count(connection, "running")}
        names = dict.fromkeys((*self._known, *sorted(kept), *sorted(used)))
        return tuple(kept.get(name, Queue(name=name)) for name in names)

    def paused(self) -> tuple[Queue, ...]:
        """Return those that are paused."""
        with reading(self._engine) as connection:
            return tuple(Queue(**row) for row in connection.execute(_PAUSED).mappings())

    def get(self, name: str) -> Queue:
        """Return one queue; else raise `UnknownQueue`."""
        for queue in self.all():
            if queue.name == name:
                return queue
        raise UnknownQueue(name)

    def stored(self, name: str) -> Queue:
        """Return what is kept of a queue, whether anybody uses it or not."""
        with reading(self._engine) as connection:
            row = connection.execute(select(queues).where(queues.c.name == name)).mappings().first()
        return Queue(**row) if row else Queue(name=name)

    def loads(self) -> Mapping[str, QueueLoad]:
        """Count what waits and runs, per queue; a queue without either is not there."""
        with reading(self._engine) as connection:
            waiting, running = _count(connection, "queued"), _count(connection, "running")
        return {
            name: QueueLoad(waiting=waiting.get(name, 0), running=running.get(name, 0)) for name in {*waiting, *running}
        }

    def add(self, name: str) -> Queue:
        """Make a queue that no job type names, for jobs that are sent there."""
        if not name.strip() or len(name) > NAME_LIMIT or "," in name:
            message = f"A queue's name has 1 to {NAME_LIMIT} characters and no comma."
            raise ValueError(message)
        self._keep(name)
        return self.get(name)

    def oldest_waits(self) -> Mapping[str, timedelta]:
        """Tell how long the oldest waiting job waits, per queue; see `latency.oldest_waits`."""
        return latency.oldest_waits(self._engine)

    def latencies(self) -> Mapping[str, QueueLatency]:
        """Tell how long jobs waited lately, per queue; see `latency.recent_latencies`."""
        return latency.recent_latencies(self._engine)

    def count_queued(self, name: str) -> int:
        """Count the jobs that wait in a queue."""
        return count(self._engine, name)

    def empty(self, name: str, stop: Stop, *, seconds: float = inf) -> int:
        """Stop what waits in a queue now; see `emptying.empty`."""
        self.get(name)
        return empty(self._engine, name, stop, seconds)

    def pause(self, name: str, *, reason: str = "", by: UUID | None = None) -> Queue:
        """Take no more jobs from a queue; what runs goes on."""
        return self._set(name, paused_at=func.coalesce(queues.c.paused_at, now()), paused_by=by, reason=reason)

    def resume(self, name: str) -> Queue:
        """Take its jobs again."""
        return self._set(name, paused_at=None, paused_by=None, reason="")

    def limit(self, name: str, max_running: int | None) -> Queue:
        """Let at most ``max_running`` of its jobs run at once; None = any number."""
        if max_running is not None and max_running < 0:
            message = f"A limit is 0 or more, not {max_running}."
            raise ValueError(message)
        return self._set(name, max_running=max_running)

    def _set(self, name: str, **values: object) -> Queue:
        self.get(name)
        self._keep(name)
        with writing(self._engine) as connection:
            connection.execute(update(queues).where(queues.c.name == name).values(**values))
        return self.get(name)

    def _keep(self, name: str) -> None:
        with suppress(IntegrityError), writing(self._engine) as connection:  # it has a row already
            connection.execute(insert(queues).values(name=name))


def _count(connection: Connection, status: str) -> dict[str, int]:
    so = jobs.c.status == literal_column(f"'{status}'")  # spelled out, for SQLite to use the status' partial index
    counted = select(jobs.c.queue, func.count()).where(so, jobs.c.queue != NO_QUEUE).group_by(jobs.c.queue)
    return {row[0]: row[1] for row in connection.execute(counted)}
