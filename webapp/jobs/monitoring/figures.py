"""The figures of an installation for a monitoring system, at a cost that does not grow with the number of jobs.

Finished jobs are never counted: totals of the rollups stand for them. Unfinished ones are counted up to a ceiling.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, literal_column, select, text

from webapp.db.engine import is_sqlite, reading
from webapp.jobs.approvals.decisions import WAITING
from webapp.jobs.metrics.totals import Totals
from webapp.jobs.model.job import UNFINISHED, Status
from webapp.jobs.monitoring.components import database_size
from webapp.jobs.monitoring.snapshot import Capacity
from webapp.jobs.monitoring.workers import Worker
from webapp.jobs.queries.pauses import paused_queues
from webapp.jobs.queries.visible_jobs import ALL_UNFINISHED
from webapp.jobs.queueing.claim import QUEUED, queues_with_jobs
from webapp.jobs.queueing.latency import queued_since
from webapp.jobs.queueing.rates import WAITS_FOR_RATE
from webapp.schema import cursors, database_time, error_groups, flow_jobs, jobs, leases, schedules

CEILING = 10_000  # jobs that are counted of each status, and of each queue
_KEPT_SECONDS = 5.0
_OLDEST = 500  # queued jobs whose wait is compared
_SERVER_CONNECTIONS = text(
    """SELECT count(*) AS used, current_setting('max_connections')::int AS allowed FROM pg_stat_activity
       WHERE backend_type = 'client backend'"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFigures:
    """Schedules by state, how many of them belong to users, and by how long the most delayed one is late."""

    active: int
    paused: int
    of_users: int
    latest_delay: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationFigures:
    """What a monitoring system reads, at ``at``.

    ``unfinished`` is by queue, type and status; ``to_approve``, ``to_answer`` and ``over_rate``, which wait for their
    rate, by type; ``launched``, whose process has not begun, by queue; ``used_up_budgets`` are users by limit.
    ``redis`` is None if it does not answer, ``clock_silent_for`` if no clock has ever run; ``connections`` are used and
    allowed ones of a database server, None with SQLite.
    """

    at: datetime
    unfinished: Mapping[tuple[str, str, str], int]
    to_approve: Mapping[str, int]
    to_answer: Mapping[str, int]
    launched: Mapping[str, int]
    flows: int
    over_rate: Mapping[str, int]
    used_up_budgets: Mapping[str, int]
    oldest_waits: Mapping[str, timedelta]
    paused_queues: tuple[str, ...]
    everything_paused: bool = False
    totals: Totals
    rollup_ages: Mapping[str, timedelta]
    workers: tuple[Worker, ...]
    leases: int
    overdue_leases: int
    clock_silent_for: timedelta | None
    schedules: ScheduleFigures
    errors: Mapping[str, int]
    database_bytes: int
    connections: Capacity | None
    redis: Capacity | None
    disk: Capacity


class FigureReader:
    """Reads the figures of one installation."""

    def __init__(
        self,
        engine: Engine,
        *,
        totals: Callable[[], Totals],
        workers: Callable[[], tuple[Worker, ...]],
        clock_silent_for: Callable[[], timedelta | None],
        redis: Callable[[], Capacity | None],
        disk: Callable[[], Capacity],
        used_up_budgets: Callable[[], Mapping[str, int]],
        launched: Callable[[], Mapping[str, int]],
        lease_seconds: float,
    ) -> None:
        self._engine = engine
        self._totals = totals
        self._workers = workers
        self._clock_silent_for = clock_silent_for
        self._redis = redis
        self._disk = disk
        self._used_up_budgets = used_up_budgets
        self._launched = launched
        self._lock = Lock()
        self._kept: InstallationFigures | None = None
        self._kept_at = 0.0
        self._lease_age = timedelta(seconds=lease_seconds)

    def recent(self) -> InstallationFigures:
        """Return the figures of the last seconds, so that many scrapes do not load the database."""
        with self._lock:
            if self._kept is None or monotonic() - self._kept_at > _KEPT_SECONDS:
                self._kept = self.read()
                self._kept_at = monotonic()
            return self._kept

    def forget(self) -> None:
        """Read the figures again at the next call of `recent`."""
        with self._lock:
            self._kept = None

    def read(self) -> InstallationFigures:
        """Read everything once; a Redis that does not answer is part of the result."""
        redis, disk, used_up, launched = self._redis(), self._disk(), self._used_up_budgets(), self._launched()
        with reading(self._engine) as connection:
            at = database_time(connection)
            paused = paused_queues(connection)
            beats = connection.execute(select(leases.c.beat_at)).scalars().all()
            return InstallationFigures(
                at=at,
                unfinished=_unfinished(connection),
                to_approve=_to_approve(connection),
                to_answer=_to_answer(connection),
                launched=launched,
                flows=_unfinished_flows(connection),
                over_rate=_by_type(connection, WAITS_FOR_RATE),
                used_up_budgets=used_up,
                oldest_waits=_oldest_waits(connection, at),
                paused_queues=paused.names,
                everything_paused=paused.everything is not None,
                totals=self._totals(),
                rollup_ages=_rollup_ages(connection, at),
                workers=self._workers(),
                leases=len(beats),
                overdue_leases=sum(at - beat > self._lease_age for beat in beats),
                clock_silent_for=self._clock_silent_for(),
                schedules=_schedules(connection, at),
                errors=_errors(connection),
                database_bytes=database_size(connection),
                connections=_connections(connection),
                redis=redis,
                disk=disk,
            )


def _unfinished(connection: Connection) -> Mapping[tuple[str, str, str], int]:
    """Count unfinished jobs: queued ones up to the ceiling in each queue, others up to the ceiling in each status."""
    found: Counter[tuple[str, str, str]] = Counter()
    for queue in queues_with_jobs(connection):
        _count(connection, found, Status.QUEUED, QUEUED, jobs.c.queue == queue)
    for status in sorted(UNFINISHED - {Status.QUEUED}):
        _count(connection, found, status, jobs.c.status == literal_column(f"'{status}'"), ALL_UNFINISHED)
    return found


def _count(
    connection: Connection, found: Counter[tuple[str, str, str]], status: Status, *conditions: ColumnElement[bool]
) -> None:
    some = select(jobs.c.queue, jobs.c.type).where(*conditions).limit(CEILING).subquery()
    counted = select(some.c.queue, some.c.type, func.count()).group_by(some.c.queue, some.c.type)
    for queue, type_name, count in connection.execute(counted):
        found[queue, type_name, status.value] += count


def _to_approve(connection: Connection) -> Mapping[str, int]:
    return _by_type(connection, jobs.c.approval.is_not(None), *WAITING)


def _by_type(connection: Connection, *conditions: ColumnElement[bool]) -> Mapping[str, int]:
    some = select(jobs.c.type).where(*conditions).limit(CEILING).subquery()
    counted = connection.execute(select(some.c.type, func.count()).group_by(some.c.type))
    return {type_name: count for type_name, count in counted}  # noqa: C416  (rows are no pairs)


def _to_answer(connection: Connection) -> Mapping[str, int]:
    return _by_type(connection, jobs.c.asked_of.is_not(None))


def _unfinished_flows(connection: Connection) -> int:
    some = select(jobs.c.id).where(ALL_UNFINISHED).limit(CEILING).subquery()
    query = select(func.count(flow_jobs.c.flow_id.distinct())).join_from(
        some, flow_jobs, flow_jobs.c.job_id == some.c.id
    )
    return connection.execute(query).scalar_one()


def _oldest_waits(connection: Connection, at: datetime) -> Mapping[str, timedelta]:
    """Return by queue how long its oldest queued job has waited.

    Compares the oldest queued jobs of all queues; for a queue that has none of them, its next job.
    """
    columns = (jobs.c.id, jobs.c.queue, jobs.c.created_at, jobs.c.run_at)
    oldest = select(*columns).where(QUEUED, ALL_UNFINISHED).order_by(jobs.c.id).limit(_OLDEST)
    first: dict[str, Any] = {}
    for row in connection.execute(oldest):
        first.setdefault(row.queue, row)
    for queue in queues_with_jobs(connection):
        if queue not in first:
            first[queue] = connection.execute(select(*columns).where(QUEUED, jobs.c.queue == queue).limit(1)).first()
    rows = [row for row in first.values() if row is not None and row.queue]
    since = queued_since(connection, rows)
    return {row.queue: max(timedelta(0), at - since[row.id]) for row in rows}


def _rollup_ages(connection: Connection, at: datetime) -> Mapping[str, timedelta]:
    moved = connection.execute(select(cursors.c.name, cursors.c.moved_at))
    return {name: max(timedelta(0), at - moved_at) for name, moved_at in moved}


def _schedules(connection: Connection, at: datetime) -> ScheduleFigures:
    columns = (
        func.count(schedules.c.next_fire_at),
        func.count(schedules.c.paused_at),
        func.count(schedules.c.owner_id),
        func.min(schedules.c.next_fire_at),
    )
    active, paused, of_users, first = connection.execute(select(*columns)).one()
    late = at - first if first is not None else timedelta(0)
    return ScheduleFigures(active=active, paused=paused, of_users=of_users, latest_delay=max(timedelta(0), late))


def _errors(connection: Connection) -> Mapping[str, int]:
    counted = select(error_groups.c.state, func.count()).group_by(error_groups.c.state)
    return {state: count for state, count in connection.execute(counted)}  # noqa: C416  (rows are no pairs)


def _connections(connection: Connection) -> Capacity | None:
    if is_sqlite(connection.engine):
        return None
    row = connection.execute(_SERVER_CONNECTIONS).one()
    return Capacity(used=row.used, total=row.allowed)
