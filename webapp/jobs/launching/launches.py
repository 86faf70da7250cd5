"""Launches: jobs that a launcher has given to a process of another system, from then until that process ends.

A launched job is running, under a lease that nobody keeps alive: it has no row in ``leases``, but a time by which its
process must have begun. That process takes the job over with a lease of its own (`begin`). Whoever comes too late, or
second, finds nothing to take over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, and_, exists, func, insert, literal_column, or_, select, update
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.leases import Holder, insert_lease
from webapp.jobs.model.job import BadRequest, EventName, Job, Status, short_id
from webapp.jobs.model.periods import period_in_units
from webapp.jobs.store import events
from webapp.jobs.store.fence import Fence, report
from webapp.jobs.store.job_store import to_job
from webapp.jobs.store.transitions import status_of_known_job
from webapp.schema import attempts, jobs, later, launches, now

LAUNCHED = "It was launched. Its process has not begun yet."
_IS_RUNNING = jobs.c.status == literal_column("'running'")
_THIS_RUNS = status_of_known_job(Status.RUNNING)
_OF_ATTEMPT = and_(launches.c.job_id == jobs.c.id, launches.c.attempt == jobs.c.attempt)
_WAITS = and_(launches.c.begun_at.is_(None), launches.c.ended_at.is_(None))
_IS_OPEN = launches.c.ended_at.is_(None)
_RUNS = exists(select(literal_column("1")).where(_OF_ATTEMPT, _IS_RUNNING))


class NotLaunched(BadRequest):
    """Raised when a process comes for a job that does not wait for one."""

    def __init__(self, job_id: UUID) -> None:
        """Name the job."""
        super().__init__(
            f"Job {short_id(job_id)} does not wait for a process. It has begun, ended or was launched again."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A job whose process may still be about: which job and attempt."""

    job: Job
    attempt: int


class Launches:
    """The launches of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, job: Job, host: str, begin_within: float) -> UUID:
        """Record that a claimed job is about to be launched; return the lease under which it will wait.

        ``begin_within`` is in seconds. Raises `LeaseLost` if another attempt is responsible for the job now.
        """
        lease_id = uuid7()
        values = {"job_id": job.id, "attempt": job.attempt, "lease_id": lease_id, "queue": job.queue, "host": host}
        with writing(self._engine) as connection:
            report(connection, Fence(job_id=job.id, attempt=job.attempt), {"message": LAUNCHED})
            connection.execute(insert(launches).values(**values, launched_at=now(), begin_by=later(begin_within)))
            events.insert_one(connection, job_id=job.id, name=EventName.LAUNCHED, attempt=job.attempt, detail=host)
            faultpoint("launch.commit")
        return lease_id

    def let_wait(self, job: Job, horse_lease: UUID, lease_id: UUID) -> None:
        """Let a launched job wait without its work-horse, unless its process has begun already."""
        mine = (jobs.c.id == job.id, jobs.c.attempt == job.attempt, _THIS_RUNS, jobs.c.lease_id == horse_lease)
        with writing(self._engine) as connection:
            connection.execute(update(jobs).where(*mine).values(lease_id=lease_id))
            faultpoint("launch.wait")

    def has_begun(self, job: Job) -> bool:
        """Return whether the process of a launch has begun."""
        begun = select(launches.c.begun_at).where(launches.c.job_id == job.id, launches.c.attempt == job.attempt)
        with reading(self._engine) as connection:
            return connection.execute(begun).scalar() is not None

    def waits(self, job_id: UUID) -> bool:
        """Return whether a job was launched and waits for its process."""
        waiting: Select[Any] = select(literal_column("1")).where(jobs.c.id == job_id, _THIS_RUNS, _OF_ATTEMPT, _WAITS)
        with reading(self._engine) as connection:
            return connection.execute(waiting).first() is not None

    def begin(self, job_id: UUID, holder: Holder) -> tuple[Job, UUID]:
        """Take over a launched job; return it and the lease of its process. Raises `NotLaunched`."""
        current = select(jobs.c.attempt).where(jobs.c.id == job_id, _THIS_RUNS).scalar_subquery()
        waiting = (launches.c.job_id == job_id, launches.c.attempt == current, _WAITS)
        with writing(self._engine) as connection:
            # the job first, as all who change a job lock it
            connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update()).first()
            begun = connection.execute(update(launches).where(*waiting).values(begun_at=now()))
            if begun.rowcount == 0:
                raise NotLaunched(job_id)
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one()
            lease_id = insert_lease(connection, holder, row["queue"])
            fence = Fence(job_id=job_id, attempt=row["attempt"])
            report(connection, fence, {"lease_id": lease_id, "message": ""})
            events.insert_one(
                connection, job_id=job_id, name=EventName.BEGUN, attempt=fence.attempt, detail=holder.host
            )
            faultpoint("launch.begin")
            job = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one()
        return to_job(job), lease_id

    def end(self, job_id: UUID, attempt: int) -> None:
        """Record that the process of a launch has ended, or was never there, so that nobody has to stop it."""
        this = (launches.c.job_id == job_id, launches.c.attempt == attempt, _IS_OPEN)
        with writing(self._engine) as connection:
            connection.execute(update(launches).where(*this).values(ended_at=now()))

    def end_unstopped(self, seconds: float) -> int:
        """Record as ended the launches whose attempt ended so long ago, and that nobody has stopped; return how many.

        Their queue may have no launcher any more. A process that comes for one of them finds nothing to take over.
        """
        ended: Select[Any] = select(literal_column("1")).where(
            attempts.c.job_id == launches.c.job_id,
            attempts.c.number == launches.c.attempt,
            attempts.c.finished_at < later(-seconds),
        )
        with writing(self._engine) as connection:
            forgotten = update(launches).where(_IS_OPEN, exists(ended)).values(ended_at=now())
            return connection.execute(forgotten).rowcount

    def overdue(self) -> Mapping[UUID, str]:
        """Return the leases of launched jobs that nobody waits for any longer, with the reason."""
        is_over = or_(launches.c.begin_by < now(), jobs.c.cancel_requested_at.is_not(None))
        query = (
            select(launches.c.lease_id, launches.c.host, launches.c.launched_at, launches.c.begin_by)
            .join(jobs, _OF_ATTEMPT)
            .where(_WAITS, _IS_RUNNING, jobs.c.lease_id == launches.c.lease_id, is_over)
        )
        with reading(self._engine) as connection:
            return {
                row.lease_id: _sentence(row.host, row.begin_by - row.launched_at) for row in connection.execute(query)
            }

    def queues_with_processes_to_stop(self) -> tuple[str, ...]:
        """Return the queues with launches whose process is no longer wanted."""
        with reading(self._engine) as connection:
            return tuple(connection.execute(select(launches.c.queue).where(_IS_OPEN, ~_RUNS).distinct()).scalars())

    def to_stop(self, queue: str, limit: int = 20) -> tuple[Launch, ...]:
        """Return launches of a queue whose process is no longer wanted."""
        unwanted = (
            select(jobs, launches.c.attempt.label("launched_attempt"))
            .join(launches, launches.c.job_id == jobs.c.id)
            .where(_IS_OPEN, launches.c.queue == queue, ~and_(jobs.c.attempt == launches.c.attempt, _IS_RUNNING))
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(unwanted)
            return tuple(Launch(job=to_job(row), attempt=row["launched_attempt"]) for row in rows.mappings())

    def count_waiting(self) -> Mapping[str, int]:
        """Count the launched jobs that have not begun, by queue."""
        query = select(launches.c.queue, func.count()).where(_WAITS, _RUNS).group_by(launches.c.queue)
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def _sentence(host: str, period: timedelta) -> str:
    whole = timedelta(seconds=round(period.total_seconds()))
    return f"Its process did not begin within {period_in_units(whole)} of its launch on {host}."
