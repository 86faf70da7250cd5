"""Checks of the rows of workers: every working one has a row, and dead ones do not."""

from collections.abc import Iterator

from sqlalchemy import Engine, exists, select

from webapp.jobs.execution.worker_heartbeat import REMOVED_AFTER
from webapp.jobs.invariants.check import Check, check_rows
from webapp.schema import later, leases, workers

_CLOCK_DELAY_SECONDS = 10.0  # how long after that the clock can take to delete the row


def checks(engine: Engine, lease_seconds: float) -> Iterator[Check]:
    """Yield the checks."""
    yield check_rows(
        engine,
        "Workers without heartbeats are no longer listed.",
        select(workers.c.name.label("worker"), workers.c.host, workers.c.beat_at).where(
            workers.c.beat_at < later(-lease_seconds * REMOVED_AFTER - _CLOCK_DELAY_SECONDS)
        ),
        transient=True,
    )
    yield check_rows(
        engine,
        "Every worker that holds a lease is listed.",
        select(leases.c.worker, leases.c.host, leases.c.id.label("lease")).where(
            ~exists().where(workers.c.name == leases.c.worker)
        ),
        transient=True,  # a new worker writes its row within a second
    )
