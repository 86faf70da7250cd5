"""Attempt statistics by the hour: number, outcome, run time and wait time. They keep attempts of deleted jobs.

An attempt that was interrupted to continue elsewhere does not count. The wait time is known for first attempts of
jobs that could start at once or at a set time; not for children and jobs with predecessors.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, exists, func, select

from webapp.db.engine import reading
from webapp.jobs.metrics import cursors, totals
from webapp.jobs.metrics.cursors import upsert
from webapp.jobs.metrics.histogram import BOUNDS, UNKNOWN_BUCKET, DurationHistogram
from webapp.jobs.model.job import EventName
from webapp.schema import attempts, dependencies, events, hour_of, jobs, runs, seconds_between

NAME = "runs"
BATCH = 2000
COMPLETED = EventName.COMPLETED
FAILURES = frozenset({EventName.FAILED, EventName.LOST, EventName.STALE})
_FIELDS = tuple(runs.c.keys())
_OUTCOMES = (
    COMPLETED,
    EventName.WAITING,
    EventName.CANCELLED,
    *sorted(FAILURES),
)  # waiting: the handler of a root has returned


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStats:
    """Ended attempts of one job type. ``run_times`` has the completed ones, ``wait_times`` all of them."""

    type_name: str
    runs: int
    failures: int
    run_times: DurationHistogram
    wait_times: DurationHistogram

    @property
    def failure_percent(self) -> float:
        """The share that failed, in percent."""
        return 100 * self.failures / self.runs if self.runs else 0.0


def roll_up(engine: Engine) -> int:
    """Add the next ended attempts; return how many events were read, 0 if there are no more."""
    with cursors.lock_cursor(engine, NAME) as (connection, cursor):
        last = cursors.last_settled_event(connection, cursor.event_id, BATCH)
        if last == cursor.event_id:
            return 0
        found = connection.execute(_ended(cursor.event_id, last)).mappings().all()
        upsert(connection, runs, [{name: row[name] for name in _FIELDS} for row in found], {"runs": "add"})
        totals.add_attempts(connection, found)
        totals.add_events(connection, cursor.event_id, last)
        cursors.move_cursor(connection, NAME, event_id=last)
        return last - cursor.event_id


def stats_by_type(engine: Engine, since: datetime, until: datetime | None = None) -> tuple[AttemptStats, ...]:
    """Return the statistics of each type, by name, for whole hours from ``since``."""
    cells = (runs.c.type, runs.c.outcome, runs.c.run_bucket, runs.c.wait_bucket)
    within = [runs.c.hour >= since, *([runs.c.hour < until] if until else [])]
    summed = select(*cells, func.sum(runs.c.runs).label("runs")).where(*within).group_by(*cells).order_by(runs.c.type)
    with reading(engine) as connection:
        rows = connection.execute(summed).all()
    names = dict.fromkeys(row.type for row in rows)
    return tuple(_stats(name, [row for row in rows if row.type == name]) for name in names)


def run_times(engine: Engine, since: datetime) -> DurationHistogram:
    """Return the run times of all completed attempts that ended in whole hours from ``since``."""
    completed = (runs.c.hour >= since, runs.c.outcome == COMPLETED, runs.c.run_bucket != UNKNOWN_BUCKET)
    summed = select(runs.c.run_bucket, func.sum(runs.c.runs)).where(*completed).group_by(runs.c.run_bucket)
    with reading(engine) as connection:
        return DurationHistogram({row[0]: int(row[1]) for row in connection.execute(summed)})


def _stats(name: str, rows: list[Any]) -> AttemptStats:
    return AttemptStats(
        type_name=name,
        runs=sum(int(row.runs) for row in rows),
        failures=sum(int(row.runs) for row in rows if row.outcome in FAILURES),
        run_times=_histogram((row.run_bucket, row.runs) for row in rows if row.outcome == COMPLETED),
        wait_times=_histogram((row.wait_bucket, row.runs) for row in rows),
    )


def _histogram(counted: Any) -> DurationHistogram:
    counts: dict[int, int] = {}
    for bucket, count in counted:
        if bucket != UNKNOWN_BUCKET:
            counts[bucket] = counts.get(bucket, 0) + int(count)
    return DurationHistogram(counts)


def _ended(after: int, last: int) -> Select[Any]:
    """Select counts of the attempts that ended with these events; the event of an end has the outcome's name."""
    attempt_of_event = and_(
        attempts.c.job_id == events.c.job_id,
        attempts.c.number == events.c.attempt,
        attempts.c.outcome == events.c.name,
    )
    timed: tuple[ColumnElement[Any], ...] = (
        hour_of(attempts.c.finished_at).label("hour"),
        jobs.c.type,
        jobs.c.queue,
        attempts.c.outcome,
        seconds_between(attempts.c.started_at, attempts.c.finished_at).label("run_seconds"),
        _wait().label("wait_seconds"),
    )
    each = (
        select(*timed)
        .select_from(events.join(attempts, attempt_of_event).join(jobs, jobs.c.id == events.c.job_id))
        .where(events.c.id > after, events.c.id <= last, events.c.name.in_(_OUTCOMES))
        .subquery()
    )
    known = (each.c.hour, each.c.type, each.c.queue, each.c.outcome)
    buckets = (
        _bucket(each.c.run_seconds).label("run_bucket"),
        case((each.c.wait_seconds.is_(None), UNKNOWN_BUCKET), else_=_bucket(each.c.wait_seconds)).label("wait_bucket"),
    )
    sums = (
        func.count().label("runs"),
        func.sum(each.c.run_seconds).label("run_seconds"),
        func.sum(each.c.wait_seconds).label("wait_seconds"),
    )
    return select(*known, *buckets, *sums).group_by(*known, *buckets)


def _wait() -> ColumnElement[float | None]:
    has_predecessors = exists().where(dependencies.c.job_id == jobs.c.id)
    could_start = and_(attempts.c.number == 1, jobs.c.root_id.is_(None), ~has_predecessors)
    since_due = seconds_between(jobs.c.run_at, attempts.c.started_at)
    since_created = seconds_between(jobs.c.created_at, attempts.c.started_at)
    return case(
        (and_(could_start, jobs.c.run_at.is_(None)), since_created),
        (and_(could_start, jobs.c.run_at <= attempts.c.started_at), since_due),
        else_=None,
    )


def _bucket(seconds: ColumnElement[float]) -> ColumnElement[int]:
    return case(*((seconds <= bound, step) for step, bound in enumerate(BOUNDS)), else_=len(BOUNDS))
