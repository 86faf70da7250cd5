"""`Budgets`: the limits of users and roles, and what was used; pages, the API and commands call it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, or_, select

from webapp.db.engine import reading, writing
from webapp.jobs.budgets import usage_rollup
from webapp.jobs.budgets.admission import BudgetGuard, BudgetUsedUp, guard_jobs, read_limits, read_usage, refusal
from webapp.jobs.budgets.budget import LIMITS, BudgetsTurnedOff, MonthlyBudget, Usage, UserBudget, of_role, of_user
from webapp.jobs.budgets.month import Month
from webapp.jobs.metrics.cursors import upsert
from webapp.schema import budget_usage, budgets, database_time, users


class Budgets:
    """Reads and changes budgets; ``default`` are the limits of everyone without others, None without budgets."""

    def __init__(self, engine: Engine, default: MonthlyBudget | None, zone: ZoneInfo) -> None:
        """Build it; call `count_new_jobs` in processes that create jobs."""
        self._engine = engine
        self._zone = zone
        self.default = default
        self.guard = None if default is None else BudgetGuard(default, zone)

    @property
    def are_on(self) -> bool:
        """Whether jobs are counted and limited here."""
        return self.guard is not None

    def count_new_jobs(self) -> None:
        """Count and limit the jobs that this process creates from now on, if there are budgets."""
        guard_jobs(self._engine, self.guard)

    def month(self) -> Month:
        """Return the month that is now, by the database's clock."""
        with reading(self._engine) as connection:
            return Month.of(database_time(connection), self._zone)

    def of_user(self, user_id: UUID) -> tuple[MonthlyBudget, Usage]:
        """Return the limits of a user, and what was used in this month."""
        with reading(self._engine) as connection:
            limits = read_limits(connection, user_id, self.default or MonthlyBudget())
            month = Month.of(database_time(connection), self._zone)
            return limits, read_usage(connection, user_id, month)

    def history(self, user_id: UUID, months: int = 12) -> tuple[tuple[str, Usage], ...]:
        """Return what a user has used in the latest months, the newest first."""
        own = select(budget_usage).where(budget_usage.c.user_id == user_id)
        with reading(self._engine) as connection:
            rows = connection.execute(own.order_by(budget_usage.c.month.desc()).limit(months)).mappings().all()
        return tuple((row["month"], Usage(**{name: row[name] for name in LIMITS})) for row in rows)

    def refusal(self, user_id: UUID) -> BudgetUsedUp | None:
        """Return why a user can start no job now, or ``None``."""
        if not self.are_on:
            return None
        limits, usage = self.of_user(user_id)
        return self.refusal_of(usage, limits)

    def refusal_of(self, usage: Usage, limits: MonthlyBudget) -> BudgetUsedUp | None:
        """Return why nobody with this use and these limits can start a job now, or ``None``."""
        return refusal(usage, limits, self.month())

    def all(self) -> tuple[UserBudget, ...]:
        """Return the users who have used something in this month or have limits of their own, by name."""
        usage = budget_usage.c
        here = (usage.user_id == users.c.id) & (usage.month == self.month().name)
        columns: Any = (users.c.id, users.c.name, users.c.role, *(usage[name] for name in LIMITS))
        rows = select(*columns).select_from(users.outerjoin(budget_usage, here)).order_by(users.c.name)
        with reading(self._engine) as connection:
            limits = _limits(connection)
            own = [UUID(subject.removeprefix("user:")) for subject in limits if subject.startswith("user:")]
            found = (
                connection.execute(rows.where(or_(usage.user_id.is_not(None), users.c.id.in_(own)))).mappings().all()
            )
        return tuple(self._user_budget(row, limits) for row in found)

    def of_subjects(self) -> Mapping[str, MonthlyBudget]:
        """Return the limits that were set for users and roles, by subject."""
        with reading(self._engine) as connection:
            return _limits(connection)

    def set_limits(self, subject: str, budget: MonthlyBudget, *, by: UUID | None = None) -> None:
        """Set the limits of a user, or of all users of a role who have none of their own.

        Raises `BudgetsTurnedOff` where nothing is counted.
        """
        if not self.are_on:
            raise BudgetsTurnedOff
        row: dict[str, Any] = {"subject": subject, **budget.to_dict(), "changed_by": by}
        with writing(self._engine) as connection:
            row["changed_at"] = database_time(connection)
            upsert(connection, budgets, [row], dict.fromkeys(row.keys() - {"subject"}, "replace"))

    def clear_limits(self, subject: str) -> bool:
        """Let the limits of the role, or the default, apply again; return whether there were others."""
        with writing(self._engine) as connection:
            return connection.execute(delete(budgets).where(budgets.c.subject == subject)).rowcount == 1

    def roll_up(self) -> None:
        """Add what ended attempts have used; the clock calls it."""
        if self.guard is not None:
            usage_rollup.roll_up(self._engine, self.guard)

    def count_used_up(self) -> dict[str, int]:
        """Return how many users have reached each limit in this month."""
        reached = [name for user in self.all() for name in user.used_up] if self.are_on else []
        return {name: reached.count(name) for name in LIMITS}

    def forget(self) -> None:
        """Delete what was counted in this month, where budgets were turned off: jobs are not counted any more."""
        month = self.month()
        with writing(self._engine) as connection:
            connection.execute(delete(budget_usage).where(budget_usage.c.month == month.name))

    def _user_budget(self, row: Any, limits: Mapping[str, MonthlyBudget]) -> UserBudget:
        subjects = {"user": of_user(row["id"]), "role": of_role(row["role"])}
        source = next((name for name, subject in subjects.items() if subject in limits), "default")
        used = {name: row[name] for name in LIMITS if row[name] is not None}
        return UserBudget(
            user_id=row["id"],
            name=row["name"],
            role=row["role"],
            budget=limits.get(subjects.get(source, ""), self.default or MonthlyBudget()),
            usage=Usage(**used),
            source=source,
        )


def _limits(connection: Connection) -> Mapping[str, MonthlyBudget]:
    """Return all limits that were set, by subject."""
    return {row["subject"]: _budget(row) for row in connection.execute(select(budgets)).mappings()}


def _budget(row: Any) -> MonthlyBudget:
    return MonthlyBudget(**{name: row[name] for name in LIMITS})
