"""The claim: a work-horse takes the next queued job of a queue, in one statement.

The order is priority, then fair share between owners (`fair_share`), then age. Jobs of paused queues
or disabled types are not claimed, nor jobs beyond a concurrency limit (`concurrency`) or a rate (`rates`), nor any
while everything is paused (`webapp.jobs.queries.pauses`). A job can be claimed only once, so a wake-up that arrives
twice runs nothing twice. An own-process job is left for a work-horse that has not run a job yet.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.db.engine import is_sqlite, reading, writing, writing_autocommit
from webapp.db.prepared_statement import PreparedStatement
from webapp.fault_injection import faultpoint
from webapp.jobs.definition import disabled_types
from webapp.jobs.model.job import NO_QUEUE, EventName, Job
from webapp.jobs.model.policies import Limits
from webapp.jobs.queries.pauses import EVERYTHING_PAUSED, is_or_everything
from webapp.jobs.queueing import concurrency, rates
from webapp.jobs.queueing.next_claim import Group, NextClaim, Row
from webapp.jobs.queueing.rates import OverRate
from webapp.jobs.store import events, signals
from webapp.jobs.store.job_store import to_job
from webapp.jobs.store.transitions import claimed
from webapp.schema import jobs, leases, now, queues, users

Prepare = Callable[[Connection, UUID], UUID]
QUEUED = jobs.c.status == literal_column("'queued'")  # a literal, so that the partial index is used
_ORDER = (jobs.c.priority.desc(), jobs.c.fair, jobs.c.id)
_RESTRICTED = or_(
    disabled_types.ANY_DISABLED,
    exists(
        select(literal_column("1")).where(
            is_or_everything(bindparam("wanted_queue")),
            or_(queues.c.paused_at.is_not(None), queues.c.max_running.is_not(None)),
        )
    ),
    rates.has_rated_jobs(bindparam("wanted_queue")),
)
_PAUSED = exists(
    select(literal_column("1")).where(is_or_everything(bindparam("wanted_queue")), queues.c.paused_at.is_not(None))
)


# A work-horse whose lease ended while it was suspended claims nothing more; it will be killed
_LEASED = exists(select(literal_column("1")).where(leases.c.id == bindparam("horse_lease")))
_ACTIVE = "owner_is_active"
_OWNER_IS_ACTIVE = select(users.c.active).where(users.c.id == jobs.c.owner_id).scalar_subquery()


def _next_job(*conditions: ColumnElement[bool]) -> Select[UUID]:
    return (
        select(jobs.c.id)
        .where(jobs.c.queue == bindparam("wanted_queue"), QUEUED, *conditions)
        .order_by(*_ORDER)
        .limit(literal_column("1"))
    )


def _claim(*conditions: ColumnElement[bool]) -> ReturningUpdate[Any]:
    next_job = _next_job(*conditions).with_for_update(skip_locked=True).scalar_subquery()
    return _claim_of(jobs.c.id == next_job)


def _claim_group(size: int, *conditions: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """Claim the next job, and up to ``size`` in all that follow it without a gap and are of the wanted type.

    Only jobs that have not started yet, so that one that does not begin can be given back as it was.
    """
    follows = and_(jobs.c.type == bindparam("group_type"), jobs.c.own_process.is_(False), jobs.c.started_at.is_(None))
    first = (
        select(jobs.c.id, jobs.c.priority, jobs.c.fair, follows.label("follows"))
        .where(jobs.c.queue == bindparam("wanted_queue"), QUEUED, *conditions)
        .order_by(*_ORDER)
        .limit(literal_column(str(size)))  # not a parameter, whose value the planner would have to guess
        .with_for_update(skip_locked=True)
        .cte("first")
    )
    order = (first.c.priority.desc(), first.c.fair, first.c.id)
    gaps = func.sum(case((first.c.follows, 0), else_=1)).over(order_by=order)
    placed = select(first.c.id, func.row_number().over(order_by=order).label("place"), gaps.label("gaps")).subquery(
        "placed"
    )
    is_next = or_(placed.c.place == literal_column("1"), placed.c.gaps == literal_column("0"))
    return _claim_of(jobs.c.id.in_(select(placed.c.id).where(is_next)))


def _claim_of(which: ColumnElement[bool]) -> ReturningUpdate[Any]:
    return (
        claimed.update(
            by_id=True,
            attempt=jobs.c.attempt + 1,
            lease_id=bindparam("horse_lease"),
            started_at=func.coalesce(jobs.c.started_at, now()),  # a slice continues an attempt
            heartbeat_at=now(),
        )
        .where(which, _LEASED, or_(jobs.c.own_process.is_(False), bindparam("horse_is_fresh")))
        .returning(*jobs.c, _OWNER_IS_ACTIVE.label(_ACTIVE))
    )


def _start_event_of(claim: CTE) -> Insert:
    return events.insert_from(claim, job_id=claim.c.id, name=EventName.STARTED, attempt=claim.c.attempt)


def with_claim_after(all_ended: ColumnElement[bool], written: Select[Any], size: int) -> Select[Any]:
    """Let a statement claim the next jobs too, if ``all_ended`` (PostgreSQL).

    The claim comes last: it waits for no lock, so what was locked before is not locked for longer. Its columns are
    null if there is no job.
    """
    conditions = (~_RESTRICTED, all_ended)
    claim = (_claim_group(size, *conditions) if size > 1 else _claim(*conditions)).cte("next_claim")
    event = _start_event_of(claim).cte("next_event")
    return written.add_columns(*claim.c).outerjoin(claim, true()).add_cte(event)


_CLAIM = PreparedStatement(_claim(~_RESTRICTED))
# Of a lease under which nothing else runs
_START_EVENTS = PreparedStatement(
    _start_event_of(select(jobs.c.id, jobs.c.attempt).where(jobs.c.lease_id == bindparam("horse_lease")).cte("claimed"))
)
_CLAIM_CTE = _claim(~_RESTRICTED).cte("claimed")
_CLAIM_WITH_EVENT = PreparedStatement(select(_CLAIM_CTE).add_cte(_start_event_of(_CLAIM_CTE).cte("event")))
OUTLOOK: Select[bool, bool] = select(exists(_next_job()).label("has_queued"), _RESTRICTED.label("restricted"))
_OUTLOOK = PreparedStatement(OUTLOOK)
_NEXT_QUEUE = select(func.min(jobs.c.queue)).where(QUEUED, jobs.c.queue > bindparam("last"))


class _NotClaimed(Exception):
    """Rolls back what was prepared for a claim."""


class Claims:
    """Claims queued jobs within the limits of their types and queues."""

    def __init__(self, engine: Engine, limits: Mapping[str, Limits]) -> None:
        self._engine = engine
        self._limits = {name: limit for name, limit in limits.items() if limit.of_running}
        self._rates = rates.rates_of(limits)
        self._last: tuple[UUID | None, bool] = (None, False)  # the job claimed last, and whether its owner is active

    def connect(self) -> None:
        """Open the connections that claims use, in a block that holds them.

        The first claim on a new connection to PostgreSQL takes 10 ms longer, so one is made here that finds nothing.
        """
        with writing_autocommit(self._engine) as connection, reading(self._engine):
            if not is_sqlite(self._engine):
                _CLAIM_WITH_EVENT.first(connection, _parameters(NO_QUEUE, uuid4(), fresh=True))

    def claim(self, queue: str, lease_id: UUID, *, fresh: bool) -> Job | None:
        """Claim the next job of ``queue``; return ``None`` if there is none.

        ``fresh``: this work-horse has not run a job yet, so it can claim an own-process job.
        """
        if queue == NO_QUEUE:
            return None
        values = _parameters(queue, lease_id, fresh=fresh)
        row = None if self._limits else self._claim_unrestricted(values)
        return self._started(row) if row else self._claim_restricted(queue, values)

    def next_claim(self, queue: str, lease_id: UUID, group: Group | None = None) -> NextClaim | None:
        """Return a claim for the transaction that ends a job; ``None`` if limits need a transaction of its own.

        With ``group``, which needs a lease under which nothing else runs then, it claims several jobs. If it finds no
        job, call `claim_restricted`.
        """
        if self._limits or queue == NO_QUEUE:
            return None
        return NextClaim(_parameters(queue, lease_id, fresh=False), _claim_and_log, self._started, group)

    def claim_restricted(self, queue: str, lease_id: UUID) -> Job | None:
        """Claim a job that a `next_claim` leaves alone because its queue or another type is restricted."""
        return self._claim_restricted(queue, _parameters(queue, lease_id, fresh=False))

    def _claim_restricted(self, queue: str, values: Mapping[str, Any]) -> Job | None:
        if not self._limits and not self._is_limited(queue):
            return None
        row = self._claim_within_limits(queue, values)
        return self._started(row) if row else None

    def claimed_under(self, lease_id: UUID) -> Job | None:
        """Return the job that was claimed under a lease when the connection broke before the answer arrived.

        Several are the rest of a group: they are returned one after the other, as they end.
        """
        claimed_job = (
            select(jobs, _OWNER_IS_ACTIVE.label(_ACTIVE)).where(jobs.c.lease_id == lease_id).order_by(*_ORDER).limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(claimed_job).mappings().first()
        return self._started(row) if row else None

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

        Claims nothing while everything is paused.

        ``prepare`` can queue it first, in the same transaction, and returns the id of the job to claim. If that
        job cannot be claimed, this is rolled back.
        """
        values = _parameters(queue, lease_id, fresh=True)
        with suppress(_NotClaimed), writing(self._engine) as connection:
            concurrency.serialize_claims(connection)
            wanted = prepare(connection, job_id) if prepare else job_id
            try:
                row = self._claim_next(connection, queue, values, jobs.c.id == wanted, ~EVERYTHING_PAUSED)
            except OverRate as over:
                raise _NotClaimed from over
            if row is None:
                raise _NotClaimed
        return self._started(row) if row else None

    @property
    def are_limited(self) -> bool:
        """Whether a limit of a type can keep a queued job from being claimed, which `OUTLOOK` does not show."""
        return bool(self._limits)

    def has_claimable(self, queue: str) -> bool:
        """Return whether a fresh work-horse would find a job to claim."""
        if queue == NO_QUEUE:
            return False
        with reading(self._engine) as connection:
            outlook = _OUTLOOK.first(connection, {"wanted_queue": queue}) or {}
            if not outlook["has_queued"] or not (outlook["restricted"] or self._limits):
                return bool(outlook["has_queued"])
            conditions = concurrency.within_limits(connection, queue, self._limits)
            return connection.execute(_next_job(~_PAUSED, *conditions), {"wanted_queue": queue}).first() is not None

    def is_leased(self, lease_id: UUID) -> bool:
        """Return whether jobs can be claimed under a lease: it has not ended."""
        with reading(self._engine) as connection:
            return bool(connection.execute(select(_LEASED), {"horse_lease": lease_id}).scalar())

    def everything_is_paused(self) -> bool:
        """Return whether no job can be claimed."""
        with reading(self._engine) as connection:
            return bool(connection.execute(select(EVERYTHING_PAUSED)).scalar())

    def _claim_unrestricted(self, values: Mapping[str, Any]) -> Row | None:
        with writing_autocommit(self._engine) as connection:
            if not is_sqlite(self._engine):
                return _CLAIM_WITH_EVENT.first(connection, values)
            return next(iter(_claim_and_log(connection, values)), None)

    def _claim_within_limits(self, queue: str, values: Mapping[str, Any]) -> Row | None:
        while True:
            try:
                with writing(self._engine) as connection:
                    concurrency.serialize_claims(connection)
                    return self._claim_next(connection, queue, values, ~_PAUSED)
            except OverRate as over:  # so the claim was rolled back; others may have their turn now
                rates.put_aside(self._engine, queue, over.key, over.rate)

    def _claim_next(
        self, connection: Connection, queue: str, values: Mapping[str, Any], *which: ColumnElement[bool]
    ) -> Row | None:
        conditions = concurrency.within_limits(connection, queue, self._limits)
        row = connection.execute(_claim(*which, *conditions), values).mappings().first()
        if row is not None:
            rates.count_start(connection, row, self._rates)
            _insert_start_event(connection, row)
            faultpoint("claim.commit")
        return row

    def _is_limited(self, queue: str) -> bool:
        limited = exists(select(literal_column("1")).where(queues.c.name == queue, queues.c.max_running.is_not(None)))
        with reading(self._engine) as connection:
            is_limited = or_(disabled_types.ANY_DISABLED, limited, rates.has_rated_jobs(literal(queue)))
            return bool(connection.execute(select(is_limited)).scalar())

    def _started(self, row: Row) -> Job:
        job = to_job(row)
        self._last = job.id, bool(row[_ACTIVE])
        signals.send(signals.job_started, job)
        return job


def _parameters(queue: str, lease_id: UUID, *, fresh: bool) -> dict[str, Any]:
    return {"wanted_queue": queue, "horse_lease": lease_id, "horse_is_fresh": fresh}


def _claim_and_log(connection: Connection, values: Mapping[str, Any], size: int = 1) -> Sequence[Row]:
    rows = (_group_claim(size) if size > 1 else _CLAIM).all(connection, values)
    if len(rows) == 1:
        _insert_start_event(connection, rows[0])
    elif rows:
        log_group_start(connection, values)
    if rows:
        faultpoint("claim.commit")
    return rows


@cache
def _group_claim(size: int) -> PreparedStatement:
    return PreparedStatement(_claim_group(size, ~_RESTRICTED))


def _insert_start_event(connection: Connection, row: Row) -> None:
    events.insert_one(connection, job_id=row["id"], name=EventName.STARTED, attempt=row["attempt"])


def log_group_start(connection: Connection, parameters: Mapping[str, Any]) -> None:
    """Add the events of the jobs that were just claimed under ``horse_lease``, on SQLite."""
    _START_EVENTS.execute(connection, parameters)


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
