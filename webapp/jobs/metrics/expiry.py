"""Forgetting: figures of long ago go, in small transactions; no page looks back so far.

How jobs ended (`endings`) is not among them: that goes as its jobs go, see `endings.fold`.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, exists, func, select

from webapp.db.engine import reading
from webapp.jobs.metrics import attempt_stats, error_rollup
from webapp.jobs.metrics import cursors as places
from webapp.jobs.model.policies import FOREVER
from webapp.schema import error_groups, error_hours, error_users, job_errors, later
from webapp.schema import runs as run_rows

_BATCH = 500
_SEEN_IN_JOBS = exists().where(job_errors.c.fingerprint == error_groups.c.fingerprint)


def prune_metrics(engine: Engine, older_than: timedelta, *, only_count: bool = False) -> int:
    """Remove hours of runs and errors of longer ago, and errors not seen since that no job shows; return how many rows.

    With ``only_count``, how many it would.
    """
    if older_than == FOREVER:
        return 0
    before = later(-older_than.total_seconds())
    hours = ((attempt_stats.NAME, run_rows), (error_rollup.NAME, error_hours))
    if only_count:
        with reading(engine) as connection:
            old = [(table, table.c.hour < before) for _, table in hours] + [(error_groups, _unseen(before))]
            return sum(_count(connection, table, condition) for table, condition in old)
    count = 0
    for name, table in hours:
        while removed := _forget_an_hour(engine, name, table, before):
            count += removed
    while removed := _forget_errors(engine, before):
        count += removed
    return count


def _forget_an_hour(engine: Engine, name: str, table: Table, before: ColumnElement[datetime]) -> int:
    with places.lock_cursor(engine, name) as (connection, _):
        first = connection.execute(select(func.min(table.c.hour)).where(table.c.hour < before)).scalar()
        return connection.execute(delete(table).where(table.c.hour == first)).rowcount if first else 0


def _forget_errors(engine: Engine, before: ColumnElement[datetime]) -> int:
    with places.lock_cursor(engine, error_rollup.NAME) as (connection, _):
        some = select(error_groups.c.fingerprint).where(_unseen(before)).limit(_BATCH)
        names = connection.execute(some).scalars().all()
        for table in (error_users, error_hours, error_groups):
            connection.execute(delete(table).where(table.c.fingerprint.in_(names)))
        return len(names)


def _unseen(before: ColumnElement[datetime]) -> ColumnElement[bool]:
    return (error_groups.c.last_seen_at < before) & ~_SEEN_IN_JOBS


def _count(connection: Connection, table: Any, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
