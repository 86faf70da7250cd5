"""Whose limits apply, and what admins read."""

from collections.abc import Callable
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from webapp.db.engine import writing
from webapp.jobs.budgets.admission import BudgetUsedUp, add_usage
from webapp.jobs.budgets.budget import BudgetsTurnedOff, MonthlyBudget, Usage, of_role, of_user
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.model.job import Owner
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def limits(budgets: Budgets, owner: Owner) -> MonthlyBudget:
    assert owner.user_id
    return budgets.of_user(owner.user_id)[0]


def test_the_limits_of_a_user_apply_as_a_whole_then_those_of_the_role_then_the_default(
    services: Services, budgets: Budgets, owner: Owner
) -> None:
    assert owner.user_id
    assert limits(budgets, owner) == MonthlyBudget(jobs=3)
    budgets.set_limits(of_role("user"), MonthlyBudget(cpu_seconds=60))
    budgets.set_limits(of_role("operator"), MonthlyBudget(jobs=1))
    assert limits(budgets, owner) == MonthlyBudget(cpu_seconds=60)
    budgets.set_limits(of_user(owner.user_id), MonthlyBudget(jobs=1, memory_gb_hours=0.5))
    budgets.set_limits(of_user(owner.user_id), MonthlyBudget(jobs=2))
    assert limits(budgets, owner) == MonthlyBudget(jobs=2)
    services.jobs.create_many("nothing", [{}] * 2, owner=owner)
    with pytest.raises(BudgetUsedUp, match="The budget of 2 jobs"):
        services.jobs.create_job("nothing", owner=owner)
    assert budgets.clear_limits(of_user(owner.user_id)) is True
    assert budgets.clear_limits(of_user(owner.user_id)) is False
    services.jobs.create_job("nothing", owner=owner)


def test_admins_read_who_has_used_what_and_who_has_limits(
    services: Services, budgets: Budgets, owner: Owner, people: Callable[[], UUID]
) -> None:
    assert owner.user_id
    limited, _idle = people(), people()
    services.jobs.create_many("nothing", [{}] * 3, owner=owner)
    budgets.set_limits(of_user(limited), MonthlyBudget(jobs=9))
    found = {user.user_id: user for user in budgets.all()}
    assert found.keys() == {owner.user_id, limited}
    assert (found[owner.user_id].usage, found[owner.user_id].source) == (Usage(jobs=3), "default")
    assert (found[owner.user_id].used_up, found[limited].used_up) == (("jobs",), ())
    assert found[limited].source == "user"
    assert budgets.count_used_up() == {"jobs": 1, "cpu_seconds": 0, "memory_gb_hours": 0}
    refusal = budgets.refusal(owner.user_id)
    assert refusal
    assert "The budget of 3 jobs" in str(refusal)


def test_without_budgets_no_limits_can_be_set(services: Services, owner: Owner) -> None:
    assert owner.user_id
    off = Budgets(services.engine, None, ZoneInfo("UTC"))
    with pytest.raises(BudgetsTurnedOff, match="DESKJOB_BUDGETS turns them on"):
        off.set_limits(of_user(owner.user_id), MonthlyBudget(jobs=1))
    assert (off.refusal(owner.user_id), off.of_subjects()) == (None, {})
    assert off.count_used_up() == {"jobs": 0, "cpu_seconds": 0, "memory_gb_hours": 0}


def test_counts_are_forgotten_when_budgets_are_turned_off_and_old_months_after_two_years(
    services: Services, budgets: Budgets, owner: Owner
) -> None:
    assert owner.user_id
    services.jobs.create_job("nothing", owner=owner)
    with writing(services.engine) as connection:
        add_usage(connection, [{"user_id": owner.user_id, "month": "2020-01", "jobs": 5}])
    pruner = services.pruner
    counts = (pruner.prune_budget_usage(only_count=True), pruner.prune_budget_usage(), pruner.prune_budget_usage())
    assert counts == (1, 1, 0)
    Budgets(services.engine, None, ZoneInfo("Europe/Madrid")).forget()
    assert budgets.history(owner.user_id) == ()
