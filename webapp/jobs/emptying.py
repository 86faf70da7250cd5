"""Emptying: every job that waits in a queue is stopped, batch by batch, each in a transaction of its own."""

from collections.abc import Callable, Collection
from time import monotonic
from uuid import UUID

from sqlalchemy import Engine, func, literal_column, select

from webapp.database import reading
from webapp.schema import jobs

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
