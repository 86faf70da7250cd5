"""How many jobs ended in each hour, by their current status: the counts of lists of ended jobs.

Database triggers subtract a job that is retried, or deleted within two days of its end; older jobs stay in the counts
as history. Readers add the jobs that ended after the cursor, so a recent count equals the length of its list. While the
cursor is far behind, adding all of them takes as long as the rollup itself; a page that is polled adds the newest only.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, case, delete, func, insert, select, union_all

from webapp.db.engine import reading
from webapp.jobs.metrics.cursors import lock_cursor, move_cursor, settled_before
from webapp.schema import cursors, endings, hour_of, jobs

NAME = "endings"
_CELL = (endings.c.hour, endings.c.type, endings.c.queue, endings.c.status)
_JOB_CELL = (hour_of(jobs.c.finished_at).label("hour"), jobs.c.type, jobs.c.queue, jobs.c.status)
_UNTIL = select(cursors.c.moment).where(cursors.c.name == NAME).scalar_subquery()
NEWEST = 10_000  # ended jobs that are read for a polled page if more are not rolled up yet
_OPEN_HOURS = timedelta(hours=2)  # their rows are many small counts; older hours are merged into one row per cell


def roll_up(engine: Engine) -> int:
    """Count the jobs that ended since the cursor; return how many."""
    with lock_cursor(engine, NAME) as (connection, cursor):
        until = settled_before(connection)
        since = cursor.moment
        if since is not None and since >= until:
            return 0
        found = connection.execute(_ended(since, until)).mappings().all()
        if found:
            connection.execute(insert(endings), [dict(row) for row in found])
        _merge_old_hours(connection, until - _OPEN_HOURS)
        move_cursor(connection, NAME, moment=until)
        return sum(row["jobs"] for row in found)


def count_by_hour(
    engine: Engine, since: datetime, uncounted_until: datetime | None = None, /, **filters: str
) -> dict[tuple[datetime, str], int]:
    """Count the jobs that ended since the start of an hour, by hour and status; ``filters`` name a type or queue.

    With ``uncounted_until``, jobs that ended until then count only if they are rolled up.
    """
    return _summed(engine, since, "hour", filters, uncounted_until)


def count_by_type(engine: Engine, since: datetime) -> dict[tuple[str, str], int]:
    """Count the jobs that ended since the start of an hour, by type and status."""
    return _summed(engine, since, "type", {})


def uncounted_until(engine: Engine, since: datetime) -> datetime | None:
    """Return the time up to which a polled page counts only what is rolled up; ``None`` if it can count everything.

    Not everything if more than `NEWEST` ended jobs are not rolled up yet: then only these are counted.
    """
    newer = select(jobs.c.finished_at).where(jobs.c.finished_at >= _not_rolled_up(since))
    with reading(engine) as connection:
        return connection.execute(newer.order_by(jobs.c.finished_at.desc()).offset(NEWEST).limit(1)).scalar()


def _not_rolled_up(since: datetime) -> ColumnElement[datetime]:
    # only one lower bound: of two, the index can be scanned from the earlier one; without a cursor, everything is new
    return case((since < _UNTIL, _UNTIL), else_=since)


def _summed(
    engine: Engine, since: datetime, of: str, filters: dict[str, str], uncounted_until: datetime | None = None
) -> dict[tuple[Any, str], int]:
    counted = select(endings.c[of], endings.c.status, endings.c.jobs).where(
        endings.c.hour >= since, *_only(endings, filters)
    )
    newer = jobs.c.finished_at >= _not_rolled_up(since)
    if uncounted_until is not None:
        newer = jobs.c.finished_at > uncounted_until
    new = _counted(newer, *_only(jobs, filters)).with_only_columns(
        *(column for column in _JOB_CELL if column.key in {of, "status"}), func.count().label("jobs")
    )
    both = union_all(counted, new).subquery()
    summed = select(both.c[of], both.c.status, func.sum(both.c.jobs)).group_by(both.c[of], both.c.status)
    with reading(engine) as connection:
        return {(cell, status): int(count) for cell, status, count in connection.execute(summed) if count}


def _only(table: Any, filters: dict[str, str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in filters.items()]


def _ended(since: datetime | None, until: datetime) -> Any:
    start = [jobs.c.finished_at >= since] if since is not None else [jobs.c.finished_at.is_not(None)]
    return _counted(*start, jobs.c.finished_at < until)


def _counted(*conditions: ColumnElement[bool]) -> Any:
    return select(*_JOB_CELL, func.count().label("jobs")).where(*conditions).group_by(*_JOB_CELL)


def _merge_old_hours(connection: Connection, before: datetime) -> None:
    """Merge the rows of past hours into one per cell; the lock of the cursor keeps others from adding rows."""
    total = func.sum(endings.c.jobs)
    unmerged = select(endings.c.hour).where(endings.c.hour < before).group_by(*_CELL)
    for hour in set(connection.execute(unmerged.having((func.count() > 1) | (total == 0)).limit(10)).scalars()):
        # a sum of zero is of deleted jobs
        sums = select(*_CELL, total.label("jobs")).where(endings.c.hour == hour).group_by(*_CELL).having(total != 0)
        rows = [dict(row) for row in connection.execute(sums).mappings()]
        connection.execute(delete(endings).where(endings.c.hour == hour))
        if rows:
            connection.execute(insert(endings), rows)
