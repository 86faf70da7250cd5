"""Budgets over the API: a job that is refused, and limits of admins."""

from collections.abc import Callable

import pytest

from tests.api.conftest import Objects, Program
from tests.api.operation_access import TO_START
from tests.views.page.conftest import add_limits
from webapp.accounts.user import User
from webapp.jobs.budgets.budget import MonthlyBudget


def test_a_used_up_budget_refuses_a_job_with_409_until_the_next_month(
    program_of: Callable[..., Program], people: dict[str, User], objects: Objects
) -> None:
    services, owner = objects.services, people["owner"]
    subject = add_limits(services, owner)
    services.budgets.set_limits(subject, MonthlyBudget(jobs=1))
    services.budgets.count_new_jobs()
    program = program_of(owner)
    assert program.call("POST", "/jobs", json=TO_START).status_code == 202
    refused = program.call("POST", "/jobs", json=TO_START)
    until = services.budgets.month().ends_at
    sentence = f"The budget of 1 jobs for this month is used up. It begins again on {until.date()}."
    assert (refused.status_code, refused.json["detail"]) == (409, sentence)
    own = program.call("GET", "/me/budget").json
    assert (own["used"]["jobs"], own["limits"]["jobs"], own["used_up"]) == (1, 1, ["jobs"])


@pytest.mark.parametrize("limits", [{"jobs": 0}, {"cpu_seconds": -1}, {"jobs": "many"}, {"memory_gb_hours": 1e12}])
def test_a_limit_that_is_none_is_refused_at_its_place(
    program_of: Callable[..., Program], people: dict[str, User], objects: Objects, limits: dict[str, object]
) -> None:
    add_limits(objects.services, people["other"])
    refused = program_of(people["admin"]).call("PUT", "/budgets/role:user", json=limits)
    [error] = refused.json["errors"]
    assert (refused.status_code, error["pointer"]) == (422, f"#/{next(iter(limits))}")
    assert "role:user" not in objects.services.budgets.of_subjects()
