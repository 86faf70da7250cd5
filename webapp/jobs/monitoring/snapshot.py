"""Health snapshot: running and waiting jobs, the longest wait, workers, Redis memory, disk and clock.

The cost is bounded, however many jobs there are: counts stop at a ceiling, and queues are found by index skips.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from redis import Redis, RedisError
from sqlalchemy import ColumnElement, Connection, Engine, func, literal_column, select

from webapp.db.engine import reading
from webapp.jobs.model.job import NO_QUEUE, Job, Status
from webapp.jobs.model.progress import SHORTEST_SILENCE, UNKNOWN_RUN, UsualRun
from webapp.jobs.monitoring.clock_skew import measure_skew
from webapp.jobs.monitoring.workers import Worker
from webapp.jobs.queries.pauses import PausedQueues, paused_queues
from webapp.jobs.queries.visible_jobs import ALL_UNFINISHED, COUNT_CEILING, list_conditions
from webapp.jobs.queueing.claim import QUEUED, queues_with_jobs
from webapp.jobs.queueing.latency import queued_since
from webapp.jobs.store.job_store import to_job
from webapp.schema import database_time, jobs, later

_OLDEST = 100  # queued jobs whose wait is compared
_SILENT = 100  # running jobs, those that have been silent longest
# spelled as in the indexes, which SQLite uses only then
ENDED_BADLY: ColumnElement[bool] = literal_column("jobs.status IN ('failed', 'stale', 'cancelled')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Used and total bytes; ``total`` is 0 without a limit."""

    used: int
    total: int

    @property
    def share(self) -> float:
        """The used share, 0.0 to 1.0."""
        return self.used / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LongestWait:
    """The job that has waited longest, among those that can start."""

    job_id: UUID
    queue: str
    waited: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentJob:
    """A running job that has reported nothing for longer than usual, so it may be stuck."""

    job_id: UUID
    title: str
    silent_for: timedelta
    usual_silence: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSnapshot:
    """The state of an installation at ``at``; counts stop at `COUNT_CEILING`.

    ``running_outside`` are those of the running jobs whose work is done outside Deskjob, so by none of its workers.
    ``clock_skew`` is how far the clock of this process is ahead of the database's.
    ``redis`` is None if it does not answer; ``workers`` then has only those in the database. ``clock_silent_for`` is
    None if no clock has ever run.
    """

    at: datetime
    running: int
    running_outside: int
    waiting: int
    waiting_queues: tuple[str, ...]
    paused_queues: tuple[str, ...]
    longest_wait: LongestWait | None
    workers: tuple[Worker, ...]
    redis: Capacity | None
    disk: Capacity
    clock_silent_for: timedelta | None
    silent_jobs: tuple[SilentJob, ...] = ()
    everything_paused: bool = False
    clock_skew: timedelta = timedelta(0)


class HealthCheck:
    """Reads the state of an installation from its database, its Redis and the folder of its files."""

    def __init__(
        self,
        engine: Engine,
        *,
        redis: Redis,
        workers: Callable[[], tuple[Worker, ...]],
        workers_in_database: Callable[[], tuple[Worker, ...]],
        clock_silent_for: Callable[[], timedelta | None],
        folder: Path,
        usual_run: Callable[[str], UsualRun] = lambda _: UNKNOWN_RUN,
    ) -> None:
        self._engine = engine
        self._redis = redis
        self._workers = workers
        self._workers_in_database = workers_in_database
        self._clock_silent_for = clock_silent_for
        self._folder = folder
        self._usual_run = usual_run

    def take_snapshot(self) -> HealthSnapshot:
        """Read everything once; a Redis that does not answer is part of the result."""
        redis = self.redis_memory()
        with reading(self._engine) as connection:
            skew = measure_skew(connection)
            at = database_time(connection)
            paused = paused_queues(connection)
            running, outside = _count(connection, Status.RUNNING, Status.WAITING)
            waiting, _outside = _count(connection, Status.QUEUED, Status.HELD)
            return HealthSnapshot(
                at=at,
                running=running,
                running_outside=outside,
                waiting=waiting,
                waiting_queues=queues_with_jobs(connection),
                paused_queues=paused.names,
                everything_paused=paused.everything is not None,
                longest_wait=_longest_wait(connection, at, paused),
                workers=self._workers() if redis else self._workers_in_database(),
                redis=redis,
                disk=self.disk(),
                clock_silent_for=self._clock_silent_for(),
                silent_jobs=self._silent_jobs(connection, at),
                clock_skew=skew,
            )

    def _silent_jobs(self, connection: Connection, at: datetime) -> tuple[SilentJob, ...]:
        """Return running jobs that have reported nothing for longer than such jobs usually do."""
        shortest = SHORTEST_SILENCE.total_seconds()
        columns = (jobs.c.id, jobs.c.type, jobs.c.title, jobs.c.heartbeat_at)
        quiet = (jobs.c.status == literal_column("'running'"), ALL_UNFINISHED, jobs.c.heartbeat_at <= later(-shortest))
        rows = connection.execute(select(*columns).where(*quiet).order_by(jobs.c.heartbeat_at).limit(_SILENT)).all()
        usual = {name: self._usual_run(name) for name in {row.type for row in rows}}
        return tuple(
            SilentJob(
                job_id=row.id, title=row.title, silent_for=at - row.heartbeat_at, usual_silence=usual[row.type].silence
            )
            for row in rows
            if at - row.heartbeat_at > usual[row.type].silence_limit
        )

    def running(self, limit: int) -> tuple[Job, ...]:
        """Return running jobs of all users, oldest first: one that does not end stays in sight."""
        return self._jobs(limit, jobs.c.id, *list_conditions((Status.RUNNING, Status.WAITING)), ALL_UNFINISHED)

    def failed(self, limit: int) -> tuple[Job, ...]:
        """Return failed and lost jobs of all users, most recently failed first."""
        return self._jobs(
            limit, jobs.c.finished_at.desc(), *list_conditions((Status.FAILED, Status.STALE)), ENDED_BADLY
        )

    def _jobs(self, limit: int, order: ColumnElement[Any], *conditions: ColumnElement[bool]) -> tuple[Job, ...]:
        query = select(jobs).where(*conditions).order_by(order).limit(limit)
        with reading(self._engine) as connection:
            return tuple(to_job(row) for row in connection.execute(query).mappings())

    def redis_memory(self) -> Capacity | None:
        """Return the memory of Redis; ``None`` if it does not answer."""
        try:
            found = self._redis.info("memory")
        except RedisError:
            return None
        return Capacity(used=int(found["used_memory"]), total=int(found.get("maxmemory", 0)))

    def disk(self) -> Capacity:
        """Return the disk of the files."""
        folder = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        usage = shutil.disk_usage(folder)
        return Capacity(used=usage.total - usage.free, total=usage.total)


def _count(connection: Connection, *statuses: Status) -> tuple[int, int]:
    """Return how many jobs have the statuses, and how many of them are record-only jobs."""
    limited = select(jobs.c.queue).where(*list_conditions(statuses), ALL_UNFINISHED).limit(COUNT_CEILING).subquery()
    outside = func.count().filter(limited.c.queue == NO_QUEUE)
    found = connection.execute(select(func.count(), outside).select_from(limited)).one()
    return found[0], found[1]


def _longest_wait(connection: Connection, at: datetime, paused: PausedQueues) -> LongestWait | None:
    """Return the longest wait among the oldest queued jobs."""
    columns = (jobs.c.id, jobs.c.queue, jobs.c.created_at, jobs.c.run_at)
    claimable = (QUEUED, ALL_UNFINISHED, jobs.c.queue != NO_QUEUE)
    rows = connection.execute(select(*columns).where(*claimable).order_by(jobs.c.id).limit(_OLDEST)).all()
    startable = [row for row in rows if row.queue not in paused]
    since = queued_since(connection, startable)
    longest = min(startable, key=lambda row: since[row.id], default=None)
    if longest is None:
        return None
    return LongestWait(job_id=longest.id, queue=longest.queue, waited=max(timedelta(0), at - since[longest.id]))
