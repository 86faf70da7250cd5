"""Attempts hour by hour, for charts: how many ended and how, how long they ran and how long they waited.

They read the rollup of `attempt_stats` only, so that a chart costs the same however many jobs there are.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from webapp.db.engine import reading
from webapp.jobs.metrics.attempt_stats import COMPLETED
from webapp.jobs.metrics.histogram import UNKNOWN_BUCKET, DurationHistogram
from webapp.schema import runs

Hours = Mapping[datetime, DurationHistogram]


def count_runs(engine: Engine, since: datetime, /, **filters: str) -> Mapping[tuple[datetime, str, str], int]:
    """Count the attempts that ended since the start of an hour, by hour, type and outcome; see `wait_times`."""
    rows = _summed(engine, since, (runs.c.hour, runs.c.type, runs.c.outcome), filters)
    return {(hour, type_name, outcome): count for hour, type_name, outcome, count in rows}


def wait_times(engine: Engine, since: datetime, /, **filters: str) -> Mapping[str, Hours]:
    """Return the wait times by queue and hour; ``filters`` name a type or a queue."""
    rows = _summed(engine, since, (runs.c.queue, runs.c.hour, runs.c.wait_bucket), filters)
    return _histograms(row for row in rows if row[2] != UNKNOWN_BUCKET)


def run_times(engine: Engine, since: datetime, /, **filters: str) -> Mapping[str, Hours]:
    """Return the run times of completed attempts by type and hour; see `wait_times`."""
    rows = _summed(engine, since, (runs.c.type, runs.c.hour, runs.c.run_bucket), {**filters, "outcome": COMPLETED})
    return _histograms(row for row in rows if row[2] != UNKNOWN_BUCKET)


def _summed(engine: Engine, since: datetime, cells: tuple[Any, ...], filters: Mapping[str, str]) -> list[Any]:
    only = [runs.c[name] == value for name, value in filters.items()]
    summed = select(*cells, func.sum(runs.c.runs)).where(runs.c.hour >= since, *only).group_by(*cells)
    with reading(engine) as connection:
        return [(*row[:-1], int(row[-1])) for row in connection.execute(summed)]


def _histograms(rows: Any) -> dict[str, dict[datetime, DurationHistogram]]:
    counts: dict[str, dict[datetime, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for name, hour, bucket, count in rows:
        counts[name][hour][bucket] = count
    return {
        name: {hour: DurationHistogram(buckets) for hour, buckets in hours.items()} for name, hours in counts.items()
    }
