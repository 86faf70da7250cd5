"""The claim: a work-horse takes the next queued job of a queue, in one statement.

The order is priority, then fair share between owners (`fair_share`), then age. Jobs of paused queues
or disabled types are not claimed, nor jobs beyond a concurrency limit (`concurrency`). A job can be
claimed only once, so a wake-up that arrives twice runs nothing twice. An own-process job is left for a
work-horse that has not run a job yet.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.db.engine import is_sqlite, reading, writing, writing_autocommit
from webapp.db.prepared_statement import PreparedStatement
from webapp.fault_injection import faultpoint
from webapp.jobs.definition import disabled_types
from webapp.jobs.model.job import NO_QUEUE, EventName, Job
from webapp.jobs.model.policies import Limits
from webapp.jobs.queueing import concurrency
from webapp.jobs.store import events, signals
from webapp.jobs.store.job_store import to_job
from webapp.jobs.store.transitions import claimed
from webapp.schema import jobs, leases, now, queues, users

Prepare = Callable[[Connection, UUID], UUID]
_Row = RowMapping | Mapping[str, Any]
QUEUED = jobs.c.status == literal_column("'queued'")  # a literal, so that the partial index is used
_RESTRICTED = or_(
    disabled_types.ANY_DISABLED,
    exists(
        select(literal_column("1")).where(
            queues.c.name == bindparam("wanted_queue"),
            or_(queues.c.paused_at.is_not(None), queues.c.max_running.is_not(None)),
        )
    ),
)
_PAUSED = exists(
    select(literal_column("1")).where(queues.c.name == bindparam("wanted_queue"), queues.c.paused_at.is_not(None))
)


# A work-horse whose lease ended while it was suspended claims nothing more; it will be killed
_LEASED = exists(select(literal_column("1")).where(leases.c.id == bindparam("horse_lease")))
_ACTIVE = "owner_is_active"
_OWNER_IS_ACTIVE = select(users.c.active).where(users.c.id == jobs.c.owner_id).scalar_subquery()


def _next_job(*conditions: ColumnElement[bool]) -> Select[UUID]:
    return (
        select(jobs.c.id)
        .where(jobs.c.queue == bindparam("wanted_queue"), QUEUED, *conditions)
        .order_by(jobs.c.priority.desc(), jobs.c.fair, jobs.c.id)
        .limit(literal_column("1"))
    )


def _claim(*conditions: ColumnElement[bool]) -> ReturningUpdate[Any]:
    next_job = _next_job(*conditions).with_for_update(skip_locked=True).scalar_subquery()
    return (
        claimed.update(
            attempt=jobs.c.attempt + 1,
            lease_id=bindparam("horse_lease"),
            started_at=func.coalesce(jobs.c.started_at, now()),  # a slice continues an attempt
            heartbeat_at=now(),
        )
        .where(jobs.c.id == next_job, _LEASED, or_(jobs.c.own_process.is_(False), bindparam("horse_is_fresh")))
        .returning(*jobs.c, _OWNER_IS_ACTIVE.label(_ACTIVE))
    )


def _claim_with_event(*conditions: ColumnElement[bool]) -> Select[Any]:
    claim = _claim(*conditions).cte("claimed")
    event = events.insert_from(claim, job_id=claim.c.id, name=EventName.STARTED, attempt=claim.c.attempt)
    return select(claim).add_cte(event.cte("event"))


_CLAIM = PreparedStatement(_claim(~_RESTRICTED))
_CLAIM_WITH_EVENT = PreparedStatement(_claim_with_event(~_RESTRICTED))
_NEXT_QUEUE = select(func.min(jobs.c.queue)).where(QUEUED, jobs.c.queue > bindparam("last"))


class _NotClaimed(Exception):
    """Rolls back what was prepared for a claim."""


class Claims:
    """Claims queued jobs within the limits of their types and queues."""

    def __init__(self, engine: Engine, limits: Mapping[str, Limits]) -> None:
        self._engine = engine
        self._limits = {name: limit for name, limit in limits.items() if limit}
        self._last: tuple[UUID | None, bool] = (None, False)  # the job claimed last, and whether its owner is active

    def claim(self, queue: str, lease_id: UUID, *, fresh: bool) -> Job | None:
        """Claim the next job of ``queue``; return ``None`` if there is none.

        ``fresh``: this work-horse has not run a job yet, so it can claim an own-process job.
        """
        if queue == NO_QUEUE:
            return None
        values = {"wanted_queue": queue, "horse_lease": lease_id, "horse_is_fresh": fresh}
        row = None if self._limits else self._claim_unrestricted(values)
        if row is None and (self._limits or self._is_limited(queue)):
            row = self._claim_within_limits(queue, values)
        return self._started(row)

    def claimed_under(self, lease_id: UUID) -> Job | None:
        """Return the job that was claimed under a lease when the connection broke before the answer arrived."""
        claimed_job = select(jobs, _OWNER_IS_ACTIVE.label(_ACTIVE)).where(jobs.c.lease_id == lease_id)
        with reading(self._engine) as connection:
            return self._started(connection.execute(claimed_job).mappings().first())

    def owner_is_active(self, job: Job) -> bool:
        """Return whether the owner of a claimed job may have it run; the claim has read that with the job."""
        if job.owner.user_id is None:
            return True
        last, active = self._last
        if last == job.id:
            return active
        with reading(self._engine) as connection:
            return bool(connection.execute(select(users.c.active).where(users.c.id == job.owner.user_id)).scalar())

    def claim_one(self, job_id: UUID, queue: str, lease_id: UUID, prepare: Prepare | None = None) -> Job | None:
        """Claim this job if it is queued and its limits allow it, even from a paused queue.

        ``prepare`` can queue it first, in the same transaction, and returns the id of the job to claim. If that
        job cannot be claimed, this is rolled back.
        """
        values = {"wanted_queue": queue, "horse_lease": lease_id, "horse_is_fresh": True}
        with suppress(_NotClaimed), writing(self._engine) as connection:
            concurrency.serialize_claims(connection)
            wanted = prepare(connection, job_id) if prepare else job_id
            row = self._claim_next(connection, queue, values, jobs.c.id == wanted)
            if row is None:
                raise _NotClaimed
        return self._started(row)

    def has_claimable(self, queue: str) -> bool:
        """Return whether a fresh work-horse would find a job to claim."""
        if queue == NO_QUEUE:
            return False
        with reading(self._engine) as connection:
            conditions = concurrency.within_limits(connection, queue, self._limits)
            return connection.execute(_next_job(~_PAUSED, *conditions), {"wanted_queue": queue}).first() is not None

    def _claim_unrestricted(self, values: Mapping[str, Any]) -> _Row | None:
        with writing_autocommit(self._engine) as connection:
            if not is_sqlite(self._engine):
                return _CLAIM_WITH_EVENT.first(connection, values)
            row = _CLAIM.first(connection, values)
            if row is not None:
                _insert_start_event(connection, row)
                faultpoint("claim.commit")
        return row

    def _claim_within_limits(self, queue: str, values: Mapping[str, Any]) -> _Row | None:
        with writing(self._engine) as connection:
            concurrency.serialize_claims(connection)
            return self._claim_next(connection, queue, values, ~_PAUSED)

    def _claim_next(
        self, connection: Connection, queue: str, values: Mapping[str, Any], which: ColumnElement[bool]
    ) -> _Row | None:
        conditions = concurrency.within_limits(connection, queue, self._limits)
        row = connection.execute(_claim(which, *conditions), values).mappings().first()
        if row is not None:
            _insert_start_event(connection, row)
            faultpoint("claim.commit")
        return row

    def _is_limited(self, queue: str) -> bool:
        limited = exists(select(literal_column("1")).where(queues.c.name == queue, queues.c.max_running.is_not(None)))
        with reading(self._engine) as connection:
            return bool(connection.execute(select(or_(disabled_types.ANY_DISABLED, limited))).scalar())

    def _started(self, row: _Row | None) -> Job | None:
        if row is None:
            return None
        job = to_job(row)
        self._last = job.id, bool(row[_ACTIVE])
        signals.send(signals.job_started, job)
        return job


def _insert_start_event(connection: Connection, row: _Row) -> None:
    events.insert_one(connection, job_id=row["id"], name=EventName.STARTED, attempt=row["attempt"])


def count_queued(connection: Connection, queue: str, ceiling: int) -> int:
    """Count the queued jobs of a queue, up to ``ceiling``."""
    rows = select(literal(1)).where(jobs.c.queue == queue, QUEUED).limit(ceiling)
    return len(connection.execute(rows).all())


def queues_with_jobs(connection: Connection) -> tuple[str, ...]:
    """Return the names of the queues with queued jobs, sorted, with one index lookup per queue; never `NO_QUEUE`."""
    names = [NO_QUEUE]
    while queue := connection.execute(_NEXT_QUEUE, {"last": names[-1]}).scalar():
        names.append(queue)
    return tuple(names[1:])
