"""How many jobs ended in each hour, as they stand now: what lists of ended jobs count up to.

A job that runs again or is deleted leaves the count; triggers see to that. Whoever reads adds what
ended since the cursor, so a figure equals its list at any moment.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, case, delete, func, insert, select, union_all

from webapp.db.engine import reading
from webapp.jobs.metrics import cursors as places
from webapp.schema import cursors, endings, hour_of, jobs

NAME = "endings"
_CELL = (endings.c.hour, endings.c.type, endings.c.queue, endings.c.status)
_JOB_CELL = (hour_of(jobs.c.finished_at).label("hour"), jobs.c.type, jobs.c.queue, jobs.c.status)
_UNTIL = select(cursors.c.moment).where(cursors.c.name == NAME).scalar_subquery()
_OPEN_HOURS = timedelta(hours=2)  # their rows are many small sums; older hours are summed up once


def roll_up(engine: Engine) -> int:
    """Add up what has ended since the last time; return how many jobs."""
    with places.lock_cursor(engine, NAME) as (connection, cursor):
        until = places.settled_before(connection)
        since = cursor.moment
        if since is not None and since >= until:
            return 0
        found = connection.execute(_ended(since, until)).mappings().all()
        if found:
            connection.execute(insert(endings), [dict(row) for row in found])
        _sum_up(connection, until - _OPEN_HOURS)
        places.move_cursor(connection, NAME, moment=until)
        return sum(row["jobs"] for row in found)


def count_by_hour(engine: Engine, since: datetime, **narrowed: str) -> dict[tuple[datetime, str], int]:
    """Count the jobs that ended since an hour's beginning, by hour and status; ``narrowed`` to a type or a queue."""
    return _summed(engine, since, "hour", narrowed)


def count_by_type(engine: Engine, since: datetime) -> dict[tuple[str, str], int]:
    """Count them by type and status, for all types at once."""
    return _summed(engine, since, "type", {})


def _summed(engine: Engine, since: datetime, of: str, narrowed: dict[str, str]) -> dict[tuple[Any, str], int]:
    kept = select(endings.c[of], endings.c.status, endings.c.jobs).where(
        endings.c.hour >= since, *_only(endings, narrowed)
    )
    # one bound, as of two the index may be walked from the earlier one; until there is a cursor, everything is new
    newer = jobs.c.finished_at >= case((since < _UNTIL, _UNTIL), else_=since)
    new = _counted(newer, *_only(jobs, narrowed)).with_only_columns(
        *(column for column in _JOB_CELL if column.key in {of, "status"}), func.count().label("jobs")
    )
    both = union_all(kept, new).subquery()
    summed = select(both.c[of], both.c.status, func.sum(both.c.jobs)).group_by(both.c[of], both.c.status)
    with reading(engine) as connection:
        return {(cell, status): int(count) for cell, status, count in connection.execute(summed) if count}


def _only(table: Any, narrowed: dict[str, str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in narrowed.items()]


def _ended(since: datetime | None, until: datetime) -> Any:
    start = [jobs.c.finished_at >= since] if since is not None else [jobs.c.finished_at.is_not(None)]
    return _counted(*start, jobs.c.finished_at < until)


def _counted(*conditions: ColumnElement[bool]) -> Any:
    return select(*_JOB_CELL, func.count().label("jobs")).where(*conditions).group_by(*_JOB_CELL)


def _sum_up(connection: Connection, before: datetime) -> None:
    """Make one row of the many of an hour that is over; nobody adds to them, as the cursor is locked."""
    total = func.sum(endings.c.jobs)
    many = select(endings.c.hour).where(endings.c.hour < before).group_by(*_CELL)
    for hour in set(connection.execute(many.having((func.count() > 1) | (total == 0)).limit(10)).scalars()):
        # what adds up to nothing is of jobs that are gone
        sums = select(*_CELL, total.label("jobs")).where(endings.c.hour == hour).group_by(*_CELL).having(total != 0)
        rows = [dict(row) for row in connection.execute(sums).mappings()]
        connection.execute(delete(endings).where(endings.c.hour == hour))
        if rows:
            connection.execute(insert(endings), rows)
