"""Totals for monitoring: attempts, their durations and events since counting began. They only grow.

The hourly counts of `attempt_stats` are deleted when they are old, and a monitoring system takes a smaller number for a
restart. The totals are added up in the same transaction, so each attempt counts once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, select

from webapp.db.engine import reading
from webapp.jobs.metrics.cursors import upsert
from webapp.jobs.metrics.histogram import BOUNDS, UNKNOWN_BUCKET
from webapp.jobs.model.job import EventName
from webapp.schema import events
from webapp.schema import totals as total_rows

_RUN, _WAIT, _EVENT = "run", "wait", "event"
_ADD = {"count": "add", "seconds": "add"}
_SHOWN = tuple((bucket, bound) for bucket, bound in enumerate(BOUNDS) if f"{bound:e}".startswith(("1.0", "2.0", "5.0")))
TypeAndQueue = tuple[str, str]


@dataclass(slots=True)
class SummedDurations:
    """Durations of one type and queue: their number by bucket, and the sum of their seconds."""

    counts: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    def cumulative(self) -> list[tuple[float, int]]:
        """Return how many were at most as long as each bound of 1, 2 and 5 times a power of ten, then all of them."""
        found = [(bound, sum(count for at, count in self.counts.items() if at <= bucket)) for bucket, bound in _SHOWN]
        return [*found, (float("inf"), sum(self.counts.values()))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Ended attempts by type, queue and outcome, their run and wait times, and events by name."""

    attempts: Mapping[tuple[str, str, str], int]
    run_times: Mapping[TypeAndQueue, SummedDurations]  # of completed attempts
    wait_times: Mapping[TypeAndQueue, SummedDurations]
    events: Mapping[str, int]


def add_attempts(connection: Connection, rows: Iterable[RowMapping]) -> None:
    """Add ended attempts, as `attempt_stats` groups them."""
    found: dict[tuple[str, str, str, str, int], dict[str, Any]] = {}
    for row in rows:
        for measure in (_RUN, _WAIT):
            cell = (measure, row["type"], row["queue"], row["outcome"], row[f"{measure}_bucket"])
            total = found.setdefault(cell, {"count": 0, "seconds": 0.0})
            total["count"] += row["runs"]
            total["seconds"] += float(row[f"{measure}_seconds"] or 0.0)
    keys = ("measure", "type", "queue", "name", "bucket")
    known = {cell: total for cell, total in found.items() if cell[0] == _RUN or cell[-1] != UNKNOWN_BUCKET}
    upsert(connection, total_rows, [dict(zip(keys, cell, strict=True)) | known[cell] for cell in sorted(known)], _ADD)


def add_events(connection: Connection, after: int, last: int) -> None:
    """Add the events after ``after``, up to and including ``last``."""
    counted = select(events.c.name, func.count()).where(events.c.id > after, events.c.id <= last)
    none = {"measure": _EVENT, "type": "", "queue": "", "bucket": 0, "seconds": 0.0}
    rows = [none | {"name": name, "count": count} for name, count in connection.execute(counted.group_by("name"))]
    upsert(connection, total_rows, sorted(rows, key=lambda row: str(row["name"])), _ADD)


def read(engine: Engine) -> Totals:
    """Return all totals."""
    attempts: dict[tuple[str, str, str], int] = {}
    times: dict[str, dict[TypeAndQueue, SummedDurations]] = {_RUN: {}, _WAIT: {}}
    counted: dict[str, int] = {}
    with reading(engine) as connection:
        for row in connection.execute(select(total_rows)).mappings():
            name, cell, count = row["name"], (row["type"], row["queue"]), row["count"]
            if row["measure"] == _EVENT:
                counted[name] = count
                continue
            if row["measure"] == _RUN:
                attempts[*cell, name] = attempts.get((*cell, name), 0) + count
            if row["measure"] == _WAIT or name == EventName.COMPLETED:
                durations = times[row["measure"]].setdefault(cell, SummedDurations())
                durations.counts[row["bucket"]] = durations.counts.get(row["bucket"], 0) + count
                durations.seconds += row["seconds"]
    return Totals(attempts=attempts, run_times=times[_RUN], wait_times=times[_WAIT], events=counted)
