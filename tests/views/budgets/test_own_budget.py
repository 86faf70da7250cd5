from collections.abc import Callable
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from webapp.jobs.budgets.service import Budgets
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
NEW = "/jobs/new/job_history_export"


def test_users_see_their_use_and_a_used_up_budget_refuses_their_form_with_what_they_typed(
    by: Callable[[str], FlaskClient], budgets: Budgets, services: Services
) -> None:
    client = by("user")
    for _ in range(2):
        assert client.post(NEW, data={"format": "csv", "job.key": uuid4().hex}).status_code == 303
    settings = client.get("/me").text
    assert "2 of 2" in settings
    sentence = "The budget of 2 jobs for this month is used up. It begins again on"
    assert sentence in settings
    assert sentence in client.get(NEW).text, "it is said before the form is filled in"
    refused = client.post(NEW, data={"format": "xlsx", "job.title": "Mine", "job.key": uuid4().hex})
    assert (refused.status_code, sentence in refused.text, 'value="Mine"' in refused.text) == (409, True, True)
    [_new, old] = services.queries.all_jobs.newest(3)
    services.jobs.cancel(old.id)
    assert sentence in client.post(f"/jobs/{old.id}/retry").text


def test_where_nothing_is_used_up_nothing_is_said(by: Callable[[str], FlaskClient], budgets: Budgets) -> None:
    client = by("user")
    assert 'id="budget"' not in client.get(NEW).text
    assert "0 of 2" in client.get("/me").text
