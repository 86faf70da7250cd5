"""Admit new jobs within the budgets of their owners: each is counted in the transaction that writes it, or refused.

One statement reads the limits and counts, so a limit of jobs is exact for any number of processes. Processor time and
memory are known when an attempt ends: what was admitted before runs on.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Float,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from webapp.fault_injection import faultpoint
from webapp.jobs.budgets.budget import LIMITS, MonthlyBudget, Usage, of_user
from webapp.jobs.budgets.month import Month
from webapp.jobs.model.job import Job
from webapp.schema import UtcDateTime, budget_usage, budgets, database_time, now, users

_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}
_TYPES: Mapping[str, Any] = {"jobs": BigInteger(), "cpu_seconds": Float(), "memory_gb_hours": Float()}


class BudgetUsedUp(Exception):
    """Raised when the budget of an owner has no room for a new job; nothing is written."""

    def __init__(self, name: str, limit: float, until: datetime, *, left: int = 0, wanted: int = 1) -> None:
        """Name the limit, and when the next month begins."""
        self.limit_name, self.until = name, until
        day, figure = f"{until:%Y-%m-%d}", f"{limit:,.10g}"
        used_up = {
            "jobs": f" jobs for this month is used up. It begins again on {day}.",
            "cpu_seconds": f" seconds of processor time for this month is used up. It begins again on {day}.",
            "memory_gb_hours": f" GB-hours of memory for this month is used up. It begins again on {day}.",
        }
        message = f"The budget of {figure}{used_up[name]}"
        if name == "jobs" and 0 < left < wanted:
            message = f"The budget for this month has room for {left:,}"
            message += f" jobs, not for {wanted:,}. It begins again on {day}."
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class BudgetGuard:
    """The limits for everyone without others, and the time zone whose months count."""

    default: MonthlyBudget
    zone: ZoneInfo

    def month(self, connection: Connection) -> Month:
        """Return the month that is now, by the database's clock."""
        return Month.of(database_time(connection), self.zone)

    def month_parameters(self) -> dict[str, Any]:
        """Return the months among which the database finds its own, so that no statement must ask for its time.

        They are around that of this process, whose clock can be wrong.
        """
        month = Month.of(datetime.now(UTC), self.zone)
        return {
            "month_before": month.before().name,
            "month_here": month.name,
            "month_after": Month.of(month.ends_at, self.zone).name,
            "month_begins": month.begins_at,
            "month_ends": month.ends_at,
        }


_guards: WeakKeyDictionary[Engine, BudgetGuard] = WeakKeyDictionary()


def guard_jobs(engine: Engine, budget_guard: BudgetGuard | None) -> None:
    """Count and limit the jobs that this process creates in a database; with None, no longer."""
    if budget_guard is None:
        _guards.pop(engine, None)
    else:
        _guards[engine] = budget_guard


def counts(engine: Engine, job: Job) -> bool:
    """Return whether a new job is counted: one with an owner, which is no child, where there are budgets."""
    return engine in _guards and job.root_id is None and job.owner.user_id is not None


def admit(connection: Connection, new: Sequence[Job]) -> None:
    """Count new jobs, or raise `BudgetUsedUp`; children belong to their root, which was counted."""
    if connection.engine not in _guards:
        return
    wanted = Counter(job.owner.user_id for job in new if job.root_id is None and job.owner.user_id is not None)
    for user_id in sorted(wanted):  # in one order, as these rows are locked
        admit_owner(connection, user_id, wanted[user_id])


def admit_owner(connection: Connection, user_id: UUID | None, count: int = 1) -> None:
    """Count jobs that start for an owner, or raise `BudgetUsedUp`."""
    budget_guard = _guards.get(connection.engine)
    if budget_guard is None or user_id is None or count == 0:
        return
    parameters = {"count": count, **budget_guard.month_parameters(), **_limit_parameters(user_id, budget_guard)}
    if connection.execute(_admission(connection.dialect.name), parameters).first() is None:
        raise _refusal(connection, user_id, budget_guard, count)
    faultpoint("budget.admit")


def begin_month(connection: Connection, user_ids: Collection[UUID | None]) -> None:
    """Lock what was counted for several owners, in one order, before some of their jobs start."""
    budget_guard = _guards.get(connection.engine)
    owners = sorted(user_id for user_id in {*user_ids} if user_id is not None)
    if budget_guard is not None and owners:
        month = budget_guard.month(connection).name
        add_usage(connection, [{"user_id": user_id, "month": month} for user_id in owners])


def add_usage(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add to what was counted; ``rows`` have a user, a month and what is added."""
    added = [{**dict.fromkeys(LIMITS, 0), **row} for row in rows]
    statement = _DIALECTS[connection.dialect.name].insert(budget_usage).values(since=now())
    sums = {name: budget_usage.c[name] + statement.excluded[name] for name in LIMITS}
    connection.execute(statement.on_conflict_do_update(index_elements=list(budget_usage.primary_key), set_=sums), added)


def read_limits(connection: Connection, user_id: UUID, default: MonthlyBudget) -> MonthlyBudget:
    """Return the limits of a user: their own, those of their role, or the default."""
    columns: list[Any] = [_limit(name).label(name) for name in LIMITS]
    parameters = _limit_parameters(user_id, BudgetGuard(default, ZoneInfo("UTC")))
    return MonthlyBudget(**connection.execute(select(*columns), parameters).mappings().one())


def read_usage(connection: Connection, user_id: UUID, month: Month) -> Usage:
    """Return what the jobs of a user have used in a month."""
    columns: list[Any] = [budget_usage.c[name] for name in LIMITS]
    own = select(*columns).where(budget_usage.c.user_id == user_id, budget_usage.c.month == month.name)
    row = connection.execute(own).mappings().first()
    return Usage(**row) if row else Usage()


def refusal(usage: Usage, budget: MonthlyBudget, month: Month) -> BudgetUsedUp | None:
    """Return why an owner can start no job now, or ``None``."""
    for name in usage.used_up(budget):
        return BudgetUsedUp(name, getattr(budget, name), month.ends_at)
    return None


def _refusal(connection: Connection, user_id: UUID, guard: BudgetGuard, count: int) -> BudgetUsedUp:
    month = guard.month(connection)
    budget, usage = read_limits(connection, user_id, guard.default), read_usage(connection, user_id, month)
    most = budget.jobs or 0
    too_many = BudgetUsedUp("jobs", most, month.ends_at, left=most - usage.jobs, wanted=count)
    return refusal(usage, budget, month) or too_many


def _limit_parameters(user_id: UUID, budget_guard: BudgetGuard) -> dict[str, Any]:
    defaults = {f"default_{name}": limit for name, limit in budget_guard.default.to_dict().items()}
    return {"user": user_id, "own_subject": of_user(user_id), **defaults}


def _limit(name: str) -> ColumnElement[Any]:
    """Return a limit of the parameter ``user``: a row of limits applies as a whole, that of the user first."""
    role = select(literal("role:") + users.c.role).where(users.c.id == bindparam("user", type_=Uuid()))
    applies = budgets.c.subject.in_([bindparam("own_subject"), role.scalar_subquery()])
    # "user:" comes after "role:"
    set_limit = select(budgets.c[name]).where(applies).order_by(budgets.c.subject.desc()).limit(1).scalar_subquery()
    is_set = exists(select(literal_column("1")).where(applies))
    return case((is_set, set_limit), else_=bindparam(f"default_{name}", type_=_TYPES[name]))


def _month_now() -> ColumnElement[str]:
    """Return the name of the database's month, as one of `BudgetGuard.month_parameters`."""
    begins, ends = (bindparam(name, type_=UtcDateTime()) for name in ("month_begins", "month_ends"))
    before, here, after = (bindparam(f"month_{name}", type_=String()) for name in ("before", "here", "after"))
    return case((now() < begins, before), (now() >= ends, after), else_=here)


@cache
def _admission(dialect: str) -> Any:
    count = bindparam("count", type_=BigInteger())
    limits = {name: _limit(name) for name in LIMITS}
    user = bindparam("user", type_=Uuid())
    first: dict[str, Any] = {"user_id": user, "month": _month_now(), "jobs": count, "since": now()}
    has_room = or_(limits["jobs"].is_(None), count <= limits["jobs"])
    statement = (
        _DIALECTS[dialect].insert(budget_usage).from_select(list(first), select(*first.values()).where(has_room))
    )
    used = budget_usage.c
    has_more = and_(
        or_(limits["jobs"].is_(None), used.jobs + count <= limits["jobs"]),
        *(or_(limits[name].is_(None), used[name] < limits[name]) for name in LIMITS if name != "jobs"),
    )
    return statement.on_conflict_do_update(
        index_elements=list(budget_usage.primary_key), set_={"jobs": used.jobs + count}, where=has_more
    ).returning(used.jobs)
