"""Checks of leases: every running job has one, and every holder is alive."""

import os
from collections.abc import Iterator
from socket import gethostname

from sqlalchemy import Engine, select

from webapp.db.engine import reading
from webapp.jobs.execution.leases import HAS_LEASE, boot_id
from webapp.jobs.invariants.check import Check, check_items, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.schema import jobs, later, leases

_CLOCK_DELAY_SECONDS = 10.0  # how long after its expiry the clock can take to rescue a lease


def checks(engine: Engine, lease_seconds: float) -> Iterator[Check]:
    """Yield the checks."""
    yield check_rows(
        engine,
        "A job has a lease if and only if it is running.",
        select(*JOB_COLUMNS, jobs.c.lease_id.label("lease"))
        .where(jobs.c.record_only.is_(False), jobs.c.status == "running", ~HAS_LEASE)
        .union_all(
            select(*JOB_COLUMNS, jobs.c.lease_id.label("lease")).where(
                jobs.c.lease_id.is_not(None), jobs.c.status != "running"
            )
        )
        .subquery()
        .select(),
    )
    yield check_rows(
        engine,
        "A lease without heartbeats is removed.",
        select(leases.c.id.label("lease"), leases.c.host, leases.c.worker_pid.label("pid"), leases.c.beat_at).where(
            leases.c.beat_at < later(-lease_seconds - _CLOCK_DELAY_SECONDS)
        ),
        transient=True,
    )
    yield check_items(
        "No dead worker on this machine still holds a lease.", lambda: _leases_of_dead_workers(engine), transient=True
    )


def _leases_of_dead_workers(engine: Engine) -> Iterator[str]:
    here = boot_id()
    with reading(engine) as connection:
        for row in connection.execute(select(leases).where(leases.c.host == gethostname())):
            if row.boot_id != here or not _is_alive(row.worker_pid):
                yield f"lease {row.id}, pid {row.worker_pid}, last heartbeat {row.beat_at}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
