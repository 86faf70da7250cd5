from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from webapp.db.engine import reading
from webapp.jobs.budgets.budget import MonthlyBudget
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.model.job import Owner
from webapp.schema import audit
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
By = Callable[[str], FlaskClient]
FORM = {"format": "csv"}


def test_an_admin_sees_use_against_limits_and_sets_those_of_a_user_and_a_role(
    by: By, budgets: Budgets, services: Services
) -> None:
    by("user")
    admin, user = by("admin"), services.accounts.by_name("user")
    assert user
    services.jobs.create_many("job_history_export", [FORM] * 2, owner=Owner(user_id=user.id))
    page = admin.get("/admin/budgets").text
    assert "2 of 2" in page
    assert "used up" in page
    own = f"/admin/budgets/user:{user.id}"
    assert f'href="{own}"' in page
    assert f'href="{own}"' in admin.get(f"/admin/users/{user.id}").text
    assert admin.post(own, data={"jobs": "5", "cpu_seconds": "", "memory_gb_hours": "2,5"}).status_code == 303
    assert budgets.of_user(user.id)[0] == MonthlyBudget(jobs=5, memory_gb_hours=2.5)
    assert 'value="2.5"' in admin.get(own).text
    assert admin.post("/admin/budgets/role:operator", data={"jobs": "9"}).status_code == 303
    assert "Jobs: 9" in admin.get("/admin/budgets").text
    assert admin.post(f"{own}/clear").status_code == 303
    assert budgets.of_user(user.id)[0] == MonthlyBudget(jobs=2)
    with reading(services.engine) as connection:
        recorded = connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars().all()
    assert recorded == ["budget_set", "budget_set", "budget_clear"]


@pytest.mark.parametrize("typed", ["0", "-1", "many"])
def test_a_limit_that_is_none_has_a_sentence_and_keeps_what_was_typed(by: By, budgets: Budgets, typed: str) -> None:
    refused = by("admin").post("/admin/budgets/role:user", data={"jobs": typed, "cpu_seconds": "60"})
    assert (refused.status_code, "A limit must be a whole number above 0" in refused.text) == (422, True)
    assert (f'value="{typed}"' in refused.text, 'value="60"' in refused.text) == (True, True)
    assert budgets.of_subjects() == {}


@pytest.mark.parametrize("subject", ["role:king", "user:nobody", "user:00000000-0000-0000-0000-000000000007", "x"])
def test_limits_of_what_does_not_exist_have_no_page(by: By, budgets: Budgets, subject: str) -> None:
    assert by("admin").get(f"/admin/budgets/{subject}").status_code == 404


def test_pages_say_that_budgets_are_turned_off(by: By) -> None:
    admin = by("admin")
    assert "Budgets are turned off" in admin.get("/admin/budgets").text
    refused = admin.post("/admin/budgets/role:user", data={"jobs": "5"})
    assert (refused.status_code, "DESKJOB_BUDGETS" in refused.text) == (409, True)
    assert 'id="budget"' not in admin.get("/me").text
