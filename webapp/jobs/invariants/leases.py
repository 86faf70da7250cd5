"""Checks of leases: whatever runs has one, and whoever holds one lives."""

import os
from collections.abc import Iterator
from socket import gethostname

from sqlalchemy import Engine, select

from webapp.db.engine import reading
from webapp.jobs.execution.leases import boot_id
from webapp.jobs.invariants.check import Check, check_items, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.schema import jobs, later, leases

_CLOCKS_TURN = 10.0  # seconds that the clock may take beyond the lease to see that it is not beaten


def checks(engine: Engine, lease_seconds: float) -> Iterator[Check]:
    """Return them."""
    yield check_rows(
        engine,
        "A job has a lease if and only if it runs.",
        select(*JOB_COLUMNS, jobs.c.lease_id.label("lease"))
        .outerjoin_from(jobs, leases, leases.c.id == jobs.c.lease_id)
        .where(jobs.c.record_only.is_(False), jobs.c.status == "running", leases.c.id.is_(None))
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
        "A lease that nobody beats is taken away.",
        select(leases.c.id.label("lease"), leases.c.host, leases.c.worker_pid.label("pid"), leases.c.beat_at).where(
            leases.c.beat_at < later(-lease_seconds - _CLOCKS_TURN)
        ),
        passing=True,
    )
    yield check_items(
        "No worker of this machine has died and left its lease.", lambda: _of_the_dead(engine), passing=True
    )


def _of_the_dead(engine: Engine) -> Iterator[str]:
    here = boot_id()
    with reading(engine) as connection:
        for row in connection.execute(select(leases).where(leases.c.host == gethostname())):
            if row.boot_id != here or not _lives(row.worker_pid):
                yield f"lease {row.id}, pid {row.worker_pid}, heard of at {row.beat_at}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
