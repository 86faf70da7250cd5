"""Delete metrics that are older than any page shows, in small transactions.

The counts of `outcomes` are kept; `outcomes.roll_up` merges their rows, and drops those that add up to zero.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, exists, func, select

from webapp.db.engine import reading
from webapp.jobs.metrics import attempt_stats, cursors, error_rollup
from webapp.jobs.model.policies import FOREVER
from webapp.schema import error_groups, error_hours, error_users, job_errors, later
from webapp.schema import runs as run_rows

_BATCH = 500
_HAS_JOBS = exists().where(job_errors.c.fingerprint == error_groups.c.fingerprint)


def prune_metrics(engine: Engine, older_than: timedelta, *, only_count: bool = False) -> int:
    """Delete older hours of attempts and errors, and older errors that no job has; return how many rows.

    With ``only_count``, return how many rows it would delete.
    """
    if older_than == FOREVER:
        return 0
    before = later(-older_than.total_seconds())
    hours = ((attempt_stats.NAME, run_rows), (error_rollup.NAME, error_hours))
    if only_count:
        with reading(engine) as connection:
            old = [(table, table.c.hour < before) for _, table in hours] + [(error_groups, _is_obsolete(before))]
            return sum(_count(connection, table, condition) for table, condition in old)
    count = 0
    for name, table in hours:
        while deleted := _delete_hour(engine, name, table, before):
            count += deleted
    while deleted := _delete_errors(engine, before):
        count += deleted
    return count


def _delete_hour(engine: Engine, name: str, table: Table, before: ColumnElement[datetime]) -> int:
    with cursors.lock_cursor(engine, name) as (connection, _):
        first = connection.execute(select(func.min(table.c.hour)).where(table.c.hour < before)).scalar()
        return connection.execute(delete(table).where(table.c.hour == first)).rowcount if first else 0


def _delete_errors(engine: Engine, before: ColumnElement[datetime]) -> int:
    with cursors.lock_cursor(engine, error_rollup.NAME) as (connection, _):
        old = select(error_groups.c.fingerprint).where(_is_obsolete(before)).limit(_BATCH)
        fingerprints = connection.execute(old).scalars().all()
        for table in (error_users, error_hours, error_groups):
            connection.execute(delete(table).where(table.c.fingerprint.in_(fingerprints)))
        return len(fingerprints)


def _is_obsolete(before: ColumnElement[datetime]) -> ColumnElement[bool]:
    return (error_groups.c.last_seen_at < before) & ~_HAS_JOBS


def _count(connection: Connection, table: Any, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
