"""Violations of concurrency limits, rates and budgets are found."""

from collections.abc import Callable
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from webapp.db.engine import writing
from webapp.jobs.budgets.budget import MonthlyBudget, of_role
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.invariants.limits import budget_checks
from webapp.jobs.model.job import Owner
from webapp.services import Services

ViolatedBy = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE jobs SET status = 'running', type = 'good' WHERE id IN (:waiting, :running)",
            "Job type good stays within its running limit per owner (1).",
        ),
        (
            "UPDATE jobs SET status = 'running', type = 'good' WHERE id IN (:waiting, :running, :held)",
            "Job type good stays within its running limit (2).",
        ),
        (
            """INSERT INTO rate_starts (rate_key, number, type, job_id, started_at, most, seconds)
            VALUES ('good', 1, 'good', :waiting, '2026-01-01 12:00:00.000000', 1, 60),
            ('good', 2, 'good', :running, '2026-01-01 12:00:59.000000', 1, 60)""",
            "No more jobs start in a period than their rate permits.",
        ),
        ("INSERT INTO queues (name, max_running) VALUES ('default', 0)", "Every queue stays within its running limit."),
    ],
)
def test_a_limit_that_was_exceeded_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE budget_usage SET jobs = 1", "Each job of this month is counted"),
        ("UPDATE budgets SET jobs = 0", "Each limit of a budget is above zero"),
        ("DELETE FROM users", "Each budget that was used belongs to an account"),
        (
            """INSERT INTO attempts (job_id, number, outcome, worker, host, pid, started_at, finished_at, cpu_seconds)
               SELECT id, 9, 'completed', 'w', 'h', 1, created_at, '{begins_at}', 5 FROM jobs""",
            "The processor time of each attempt of this month is counted",
        ),
    ],
)
def test_a_count_that_is_less_than_the_rows_show_is_found(
    services: Services, people: Callable[[], UUID], statement: str, rule: str
) -> None:
    budgets = Budgets(services.engine, MonthlyBudget(), ZoneInfo("UTC"))
    budgets.count_new_jobs()
    assert budgets.guard
    budgets.set_limits(of_role("user"), MonthlyBudget(jobs=5))
    services.jobs.create_many("nothing", [{}] * 2, owner=Owner(user_id=people()))
    assert all(check.run().holds for check in budget_checks(services.engine, budgets.guard))
    begins_at = budgets.month().begins_at.strftime("%Y-%m-%d %H:%M:%S.000000")
    with writing(services.engine) as connection:
        connection.execute(text(statement.format(begins_at=begins_at)))
    broken = [found.rule for check in budget_checks(services.engine, budgets.guard) if not (found := check.run()).holds]
    assert [found.startswith(rule) for found in broken] == [True]
