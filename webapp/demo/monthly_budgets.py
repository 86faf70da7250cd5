"""Demo budgets: limits of a role and of a user, and the jobs that users have started in this month."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from webapp.db.engine import reading, writing
from webapp.demo.people import Staff
from webapp.jobs.budgets.budget import MonthlyBudget, of_role, of_user
from webapp.jobs.budgets.month import Month
from webapp.jobs.metrics.cursors import upsert
from webapp.schema import budget_usage, budgets, jobs
from webapp.services import Services

_USERS = MonthlyBudget(jobs=2_000, cpu_seconds=20_000, memory_gb_hours=5)
_NEARLY_USED_UP = 1.1  # times what was used


def create_budgets(services: Services, staff: Staff) -> None:
    """Limit what users can use in a month. Ben has a limit of his own, which he has nearly reached."""
    month, at = services.budgets.month(), services.queries.jobs.now()
    started = _count_jobs(services, month)
    ben = staff["ben"].id
    of_ben = MonthlyBudget(jobs=int(started.get(ben, 0) * _NEARLY_USED_UP) + 1)
    limits = {of_role("user"): _USERS, of_user(ben): of_ben}
    with writing(services.engine) as connection:
        rows = [_limits(subject, budget, staff["admin"].id, at) for subject, budget in limits.items()]
        upsert(connection, budgets, rows)
        usage = [
            {"user_id": owner, "month": month.name, "jobs": count, "since": month.begins_at}
            for owner, count in started.items()
        ]
        upsert(connection, budget_usage, usage, {"jobs": "replace", "since": "replace"})


def _limits(subject: str, budget: MonthlyBudget, by: UUID, at: datetime) -> dict[str, Any]:
    return {"subject": subject, **budget.to_dict(), "changed_by": by, "changed_at": at}


def _count_jobs(services: Services, month: Month) -> dict[UUID, int]:
    """Count the jobs of users in this month, without children, as `webapp.jobs.budgets` does."""
    roots = (jobs.c.root_id.is_(None), jobs.c.owner_id.is_not(None), jobs.c.created_at >= month.begins_at)
    with reading(services.engine) as connection:
        counted = connection.execute(select(jobs.c.owner_id, func.count()).where(*roots).group_by(jobs.c.owner_id))
        return {owner: count for owner, count in counted if owner}
