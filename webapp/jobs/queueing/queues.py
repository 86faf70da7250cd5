"""Queues: list, add, pause, resume, empty and remove them, and set their concurrency limits."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import NO_QUEUE, UNFINISHED
from webapp.jobs.model.value_rules import NOTHING, QUEUE_NAME, QUEUE_NAME_LIMIT, integer
from webapp.jobs.queries.pauses import OF_EVERYTHING, Pause, PausedQueues, is_or_everything, paused_queues
from webapp.jobs.queueing import latency
from webapp.jobs.queueing.claim import queues_with_jobs
from webapp.jobs.queueing.latency import QueueLatency
from webapp.schema import jobs, now, queues, schedules

BATCH = 2000  # jobs that `Queues.empty` stops in one transaction
_LIMIT = NOTHING | integer(0, 1_000_000)
_STORED = select(queues).where(~OF_EVERYTHING)
_QUEUED = jobs.c.status == literal_column("'queued'")
Stop = Callable[[Collection[UUID]], None]


class UnknownQueue(Exception):
    """Raised when no job type, no stored setting and no job uses the queue."""

    def __init__(self, name: str) -> None:
        """Name the queue."""
        super().__init__(f"There is no queue {name!r}.")


class QueueInUse(Exception):
    """Raised when a queue cannot be removed."""

    def __init__(self, name: str, reason: str) -> None:
        """Name the queue and the reason."""
        super().__init__(f"The queue {name!r} cannot be removed: {reason}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A named queue of jobs; ``paused_at`` is None unless it is paused, ``max_running`` None without a limit."""

    name: str
    paused_at: datetime | None = None
    paused_by: UUID | None = None
    reason: str = ""
    max_running: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoad:
    """How many jobs of a queue are queued (``waiting``) and how many are running."""

    waiting: int = 0  # named as `queue list --json` shows it
    running: int = 0


class Queues:
    """The queues of one database; ``known`` are the queues of the job types."""

    def __init__(self, engine: Engine, known: tuple[str, ...]) -> None:
        self._engine = engine
        self._known = known

    def all(self) -> tuple[Queue, ...]:
        """Return the queues of the job types, those with stored settings, and those with queued or running jobs."""
        with reading(self._engine) as connection:
            stored = {row["name"]: Queue(**row) for row in connection.execute(_STORED).mappings()}
            used = {*queues_with_jobs(connection), *_count(connection, "running")}
        names = dict.fromkeys((*self._known, *sorted(stored), *sorted(used)))
        return tuple(stored.get(name, Queue(name=name)) for name in names)

    def paused(self) -> PausedQueues:
        """Return what is paused."""
        with reading(self._engine) as connection:
            return paused_queues(connection)

    def get(self, name: str) -> Queue:
        """Return one queue; raises `UnknownQueue`."""
        for queue in self.all():
            if queue.name == name:
                return queue
        raise UnknownQueue(name)

    def stored(self, name: str) -> tuple[Queue, Pause | None]:
        """Return the stored settings of a queue, or the defaults, and the pause that holds up its jobs.

        Does not check that the queue is used. The pause of everything has the queue `NO_QUEUE`.
        """
        with reading(self._engine) as connection:
            rows = connection.execute(select(queues).where(is_or_everything(literal(name)))).mappings().all()
        stored = {row["name"]: Queue(**row) for row in rows}
        queue = stored.get(name, Queue(name=name))
        holding = stored.get(NO_QUEUE, queue)
        if holding.paused_at is None:
            return queue, None
        return queue, Pause(queue=holding.name, since=holding.paused_at, by=holding.paused_by, reason=holding.reason)

    def loads(self) -> Mapping[str, QueueLoad]:
        """Count queued and running jobs by queue; queues without either are left out."""
        with reading(self._engine) as connection:
            waiting, running = _count(connection, "queued"), _count(connection, "running")
        return {
            name: QueueLoad(waiting=waiting.get(name, 0), running=running.get(name, 0)) for name in {*waiting, *running}
        }

    def add(self, name: str) -> Queue:
        """Create a queue that no job type uses, so that jobs can be sent to it."""
        if not QUEUE_NAME.accepts(name):
            message = f"A queue name must have 1 to {QUEUE_NAME_LIMIT} visible characters and no comma."
            raise ValueError(message)
        self._insert(name)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Remove a queue that was added, or that an operator configured, while nothing needs it.

        Raises `UnknownQueue`, or `QueueInUse` if a job type, a schedule or an unfinished job names it.
        """
        self.get(name)
        if reason := self.reason_to_keep(name):
            raise QueueInUse(name, reason)
        with writing(self._engine) as connection:
            connection.execute(delete(queues).where(queues.c.name == name, ~_is_needed(name)))
        if reason := self.reason_to_keep(name):  # a job came in between
            raise QueueInUse(name, reason)

    def reason_to_keep(self, name: str) -> str:
        """Return why a queue cannot be removed; an empty text if it can."""
        if name in self._known:
            return "a job type uses it"
        with reading(self._engine) as connection:
            if connection.execute(select(_unfinished_in(name))).scalar():
                return "it has unfinished jobs"
            if schedule := connection.execute(select(schedules.c.name).where(schedules.c.queue == name)).scalar():
                return f"the schedule {schedule!r} uses it"
        return ""

    def oldest_waits(self) -> Mapping[str, timedelta]:
        """Return by queue how long its oldest queued job has waited; see `latency.oldest_waits`."""
        return latency.oldest_waits(self._engine)

    def latencies(self) -> Mapping[str, QueueLatency]:
        """Return by queue how long jobs waited recently; see `latency.recent_latencies`."""
        return latency.recent_latencies(self._engine)

    def count_queued(self, name: str) -> int:
        """Count the queued jobs of a queue."""
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).where(jobs.c.queue == name, _QUEUED)).scalar_one()

    def empty(self, name: str, stop: Stop, *, seconds: float = inf) -> int:
        """Stop every job that is queued now, in batches; return how many were passed to ``stop``.

        Jobs that are queued later are not stopped. No batch is started after ``seconds``, so some jobs
        can stay queued.
        """
        self.get(name)
        started, stopped = monotonic(), 0
        last = self._newest_queued(name)
        while last and monotonic() - started < seconds and (batch := self._queued_up_to(name, last)):
            stop(batch)
            stopped += len(batch)
        return stopped

    def pause(self, name: str, *, reason: str = "", by: UUID | None = None) -> Queue:
        """Stop claiming jobs of a queue; its running jobs continue."""
        return self._set(name, paused_at=func.coalesce(queues.c.paused_at, now()), paused_by=by, reason=reason)

    def resume(self, name: str) -> Queue:
        """Claim its jobs again."""
        return self._set(name, paused_at=None, paused_by=None, reason="")

    def limit(self, name: str, max_running: int | None) -> Queue:
        """Set how many of its jobs can run at once; None = no limit."""
        if objection := _LIMIT.objection("A limit", max_running):
            raise ValueError(objection)
        return self._set(name, max_running=max_running)

    def _set(self, name: str, **values: object) -> Queue:
        self.get(name)
        self._insert(name)
        with writing(self._engine) as connection:
            connection.execute(update(queues).where(queues.c.name == name).values(**values))
        return self.get(name)

    def _insert(self, name: str) -> None:
        with suppress(IntegrityError), writing(self._engine) as connection:  # it already has a row
            connection.execute(insert(queues).values(name=name))

    def _newest_queued(self, name: str) -> UUID | None:
        newest = select(jobs.c.id).where(jobs.c.queue == name, _QUEUED).order_by(jobs.c.id.desc()).limit(1)
        with reading(self._engine) as connection:
            return connection.execute(newest).scalar()

    def _queued_up_to(self, name: str, last: UUID) -> list[UUID]:
        queued = select(jobs.c.id).where(jobs.c.queue == name, _QUEUED, jobs.c.id <= last).limit(BATCH)
        with reading(self._engine) as connection:
            return list(connection.execute(queued).scalars())


def _unfinished_in(name: str) -> ColumnElement[bool]:
    unfinished = jobs.c.status.in_(sorted(UNFINISHED))
    return exists(select(literal_column("1")).select_from(jobs).where(jobs.c.queue == name, unfinished))


def _is_needed(name: str) -> ColumnElement[bool]:
    scheduled = exists(select(literal_column("1")).select_from(schedules).where(schedules.c.queue == name))
    return or_(_unfinished_in(name), scheduled)


def _count(connection: Connection, status: str) -> dict[str, int]:
    in_status = jobs.c.status == literal_column(f"'{status}'")  # a literal, so that SQLite uses the partial index
    counted = select(jobs.c.queue, func.count()).where(in_status, jobs.c.queue != NO_QUEUE).group_by(jobs.c.queue)
    return {row[0]: row[1] for row in connection.execute(counted)}
