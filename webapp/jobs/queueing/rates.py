"""Rates: how many jobs of a type, an owner or a key of the payload start within a period.

The claim counts the starts, in the transaction that makes them. They are numbered by key: with a rate of 100 per hour,
start 250 is permitted if start 150 was more than an hour ago. That is exact for any number of workers, because claims
that count are serialized (`concurrency`), and because a number is given once. Every attempt is a start, but
not the next slice of one.

A job whose turn comes while its rate is used up is put aside: it is scheduled without a time of its own, so it is in no
claim's way. `admit_due`, which the clock calls, queues as many of the waiting jobs as may start, the best first.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Exists,
    Float,
    Integer,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
)

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.model.job import GOES_ON
from webapp.jobs.model.policies import Limits
from webapp.jobs.model.rate import Rate
from webapp.jobs.queueing.concurrency import serialize_claims
from webapp.jobs.queueing.next_claim import Row
from webapp.jobs.store.transitions import postponed, promoted
from webapp.schema import attempts, database_time, jobs, later, now, rate_starts, rate_waits, seconds_between

_QUEUED = postponed.guard
WAITS_FOR_RATE = and_(promoted.guard, jobs.c.run_at.is_(None), jobs.c.rate_key.is_not(None))
KEPT_PERIODS = 2  # how long starts are kept, for `deskjob verify`
_BATCH = 1000  # jobs put aside in one transaction
_KEYS = 200  # keys admitted in one round
_LOOK_AGAIN = timedelta(seconds=30)  # while others that may start have not, because they can be cancelled


class OverRate(Exception):
    """Raised in a claim whose job may not start yet, so that it is rolled back."""

    def __init__(self, key: str, rate: Rate) -> None:
        """Name the key and its rate."""
        self.key, self.rate = key, rate
        super().__init__(f"The rate of {key} is used up.")


def rates_of(limits: Mapping[str, Limits]) -> dict[str, Rate]:
    """Return the rates of the job types that have one."""
    return {name: limit.rate for name, limit in limits.items() if limit.rate is not None}


def has_rated_jobs(queue: ColumnElement[str]) -> Exists:
    """Return the condition that a job with a rate is queued in a queue; an index has nothing but such jobs."""
    return exists(select(literal_column("1")).where(jobs.c.queue == queue, _QUEUED, jobs.c.rate_key.is_not(None)))


def count_start(connection: Connection, row: Row, rates: Mapping[str, Rate]) -> None:
    """Count the start of the job that was just claimed; raise `OverRate` if it may not start yet."""
    key, rate = row["rate_key"], rates.get(row["type"])
    if key is None or rate is None or _continues(connection, row):
        return
    number = select((func.coalesce(func.max(rate_starts.c.number), 0) + 1).label("number")).where(
        rate_starts.c.rate_key == key
    )
    following = number.subquery("following")
    is_used_up = exists(
        select(literal_column("1")).where(
            rate_starts.c.rate_key == key,
            rate_starts.c.number == following.c.number - rate.starts,
            rate_starts.c.started_at >= later(-rate.period.total_seconds()),
        )
    )
    values: dict[str, ColumnElement[Any]] = {
        "rate_key": literal(key),
        "number": following.c.number,
        "type": literal(row["type"]),
        "job_id": literal(row["id"], jobs.c.id.type),
        "started_at": now(),
        "most": literal(rate.starts, Integer()),
        "seconds": literal(rate.period.total_seconds(), Float()),
    }
    start = insert(rate_starts).from_select(list(values), select(*values.values()).where(~is_used_up))
    if connection.execute(start.returning(rate_starts.c.number)).scalar() is None:
        raise OverRate(key, rate)


def put_aside(engine: Engine, queue: str, key: str, rate: Rate) -> None:
    """Let the queued jobs of a key wait for their rate, and note when the next one may start."""
    has_not_begun = and_(_QUEUED, jobs.c.queue == queue, jobs.c.rate_key == key, jobs.c.started_at.is_(None))
    # locked rows follow with the next claim
    unlocked = select(jobs.c.id).where(has_not_begun).limit(_BATCH).with_for_update(skip_locked=True).cte("unlocked")
    with writing(engine) as connection:
        serialize_claims(connection)
        connection.execute(postponed.update(run_at=None).where(jobs.c.id.in_(select(unlocked.c.id))))
        _note_next(connection, key, slot_at(connection, key, rate))
        faultpoint("rate.wait")


def admit_due(engine: Engine, limits: Mapping[str, Limits]) -> int:
    """Queue the waiting jobs that may start now; return how many."""
    rates = rates_of(limits)
    due = select(rate_waits.c.rate_key).where(rate_waits.c.next_at <= now()).order_by(rate_waits.c.next_at).limit(_KEYS)
    with reading(engine) as connection:
        keys = connection.execute(due).scalars().all()
    count = 0
    for key in keys:
        with writing(engine) as connection:
            serialize_claims(connection)
            count += _admit(connection, key, rates)
            faultpoint("rate.admit")
    return count


def starts_in_period(connection: Connection, key: str, rate: Rate) -> int:
    """Count the starts of a key within the period that ends now."""
    counted = select(func.count()).where(
        rate_starts.c.rate_key == key, rate_starts.c.started_at >= later(-rate.period.total_seconds())
    )
    return connection.execute(counted).scalar_one()


def slot_at(connection: Connection, key: str, rate: Rate, place: int = 0) -> datetime | None:
    """Return the earliest time at which the job at a place in the line of a key may start; ``None`` for now."""
    last = connection.execute(select(func.max(rate_starts.c.number)).where(rate_starts.c.rate_key == key)).scalar()
    number, periods = rate.slot(last or 0, place)
    start = select(rate_starts.c.started_at).where(rate_starts.c.rate_key == key, rate_starts.c.number == number)
    clock = database_time(connection)
    started_at = connection.execute(start).scalar()
    at = clock + rate.period * (periods - 1) if started_at is None else started_at + rate.period * periods
    return at if at > clock else None


def place_at(connection: Connection, key: str, place: int) -> datetime:
    """Return the earliest time at which the job at a place in the line of a key may start, by its latest rate."""
    latest = select(rate_starts.c.most, rate_starts.c.seconds).where(rate_starts.c.rate_key == key)
    row = connection.execute(latest.order_by(rate_starts.c.number.desc()).limit(1)).first()
    rate = Rate(row.most, timedelta(seconds=row.seconds)) if row else None
    at = slot_at(connection, key, rate, place) if rate else None
    return at or database_time(connection)


def uses_of(engine: Engine, name: str, rate: Rate, limit: int = 10) -> tuple[tuple[str, int], ...]:
    """Return the keys of a type with the most starts within the period that ends now, with the number of starts."""
    count = func.count().label("starts")
    busiest = (
        select(rate_starts.c.rate_key, count)
        .where(rate_starts.c.type == name, rate_starts.c.started_at >= later(-rate.period.total_seconds()))
        .group_by(rate_starts.c.rate_key)
        .order_by(count.desc(), rate_starts.c.rate_key)
        .limit(limit)
    )
    with reading(engine) as connection:
        return tuple((row.rate_key, row.starts) for row in connection.execute(busiest))


def prune_starts(engine: Engine, *, only_count: bool = False) -> int:
    """Delete the starts that no rate counts any more; return how many."""
    expired = seconds_between(rate_starts.c.started_at, now()) > rate_starts.c.seconds * KEPT_PERIODS
    if only_count:
        with reading(engine) as connection:
            return connection.execute(select(func.count()).select_from(rate_starts).where(expired)).scalar_one()
    with writing(engine) as connection:
        return connection.execute(delete(rate_starts).where(expired)).rowcount


def _continues(connection: Connection, row: Row) -> bool:
    """Return whether a claimed job goes on with an attempt that has begun."""
    if row["attempt"] == 1:
        return False
    before = select(attempts.c.outcome).where(
        attempts.c.job_id == row["id"], attempts.c.number == row["attempt"] - literal_column("1")
    )
    return connection.execute(before).scalar() in GOES_ON


def _admit(connection: Connection, key: str, rates: Mapping[str, Rate]) -> int:
    waiting = and_(WAITS_FOR_RATE, jobs.c.rate_key == key)
    counted = select(jobs.c.queue, jobs.c.type, func.count()).where(waiting).group_by(jobs.c.queue, jobs.c.type)
    admitted, next_times = 0, []
    for queue, name, count in connection.execute(counted).all():
        rate = rates.get(name)
        queued = _queued(connection, queue, key)
        free = count if rate is None else rate.starts - starts_in_period(connection, key, rate) - queued
        best = (
            select(jobs.c.id)
            .where(waiting, jobs.c.queue == queue, jobs.c.type == name)
            .order_by(jobs.c.priority.desc(), jobs.c.fair, jobs.c.id)
            .limit(max(0, free))
            .with_for_update(skip_locked=True)
            .cte("best")  # PostgreSQL can execute a subquery several times, and would lock others each time
        )
        start = promoted.update(run_at=now()).where(jobs.c.id.in_(select(best.c.id)))
        started = len(connection.execute(start.returning(jobs.c.id)).all())
        admitted += started
        if started < count and rate is not None:
            next_times.append(_next_look(connection, key, rate, queued + started))
    if next_times:
        _note_next(connection, key, min(next_times))
    else:
        _forget(connection, key)
    return admitted


def _queued(connection: Connection, queue: str, key: str) -> int:
    """Count the jobs of a key that may start and have not.

    Those in other queues do not count, because they can be paused. The claim has the last word.
    """
    queued = select(func.count()).where(_QUEUED, jobs.c.queue == queue, jobs.c.rate_key == key)
    return connection.execute(queued).scalar_one()


def _next_look(connection: Connection, key: str, rate: Rate, queued: int) -> datetime:
    at, clock = slot_at(connection, key, rate, queued), database_time(connection)
    return min(at or clock, clock + _LOOK_AGAIN) if queued else at or clock


def _note_next(connection: Connection, key: str, at: datetime | None) -> None:
    _forget(connection, key)
    next_at = now() if at is None else literal(at, rate_waits.c.next_at.type)
    connection.execute(insert(rate_waits).from_select(["rate_key", "next_at"], select(literal(key), next_at)))


def _forget(connection: Connection, key: str) -> None:
    connection.execute(delete(rate_waits).where(rate_waits.c.rate_key == key))
