"""Checks of the rows of workers: who works is shown, and who is gone is not."""

from collections.abc import Iterator

from sqlalchemy import Engine, exists, select

from webapp.jobs.execution.worker_heartbeat import REMOVED_AFTER
from webapp.jobs.invariants.check import Check, check_rows
from webapp.schema import later, leases, workers

_CLOCKS_TURN = 10.0  # seconds that the clock may take beyond that


def checks(engine: Engine, lease_seconds: float) -> Iterator[Check]:
    """Return them."""
    yield check_rows(
        engine,
        "A worker of which nobody has heard for long is no longer shown.",
        select(workers.c.name.label("worker"), workers.c.host, workers.c.beat_at).where(
            workers.c.beat_at < later(-lease_seconds * REMOVED_AFTER - _CLOCKS_TURN)
        ),
        passing=True,
    )
    yield check_rows(
        engine,
        "Every worker that holds a lease is shown.",
        select(leases.c.worker, leases.c.host, leases.c.id.label("lease")).where(
            ~exists().where(workers.c.name == leases.c.worker)
        ),
        passing=True,  # a new one says so within a second
    )
