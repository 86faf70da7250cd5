"""Where the page of a job leads those who see the installation."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.metrics import cursors
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.store import events
from webapp.services import Services

Put = Callable[..., Job]
Client = Callable[[User], FlaskClient]


@pytest.fixture
def failed(put: Put, services: Services, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A failed job whose error is counted."""
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)
    errors = ({"text": "The shop did not respond.", "at": ""},)
    job = put(Status.FAILED, type="dataset_report", attempt=1, queue="default", errors=errors)
    with writing(services.engine) as connection:
        events.insert(connection, events.rows_of([job], EventName.FAILED))
    services.metrics.roll_up()
    return job


def links(page: str) -> set[str]:
    return set(re.findall(r'<a [^>]*href="([^"]+)"', page))


@pytest.mark.parametrize("role", ["auditor", "operator", "admin"])
def test_a_failed_job_leads_to_everything_around_it(
    client_of: Client, person: Callable[..., User], failed: Job, role: str
) -> None:
    client = client_of(person("olga", role=role))
    page = client.get(f"/jobs/{failed.id}").text
    around = {link for link in links(page) if link.startswith("/admin/")}
    audit = {f"/admin/audit?object={failed.id}"} if client.get("/admin/audit").status_code == 200 else set()
    [group] = [link for link in around if link.startswith("/admin/errors/")]
    assert around == audit | {
        group,
        "/admin/types/dataset_report",
        "/admin/queues/default",
        f"/admin/users/{failed.owner.user_id}",
        "/admin/jobs?type=dataset_report",
    }
    assert [client.get(link).status_code for link in around] == [200] * len(around)
    assert "The shop did not respond." in client.get(group).text


def test_users_are_not_led_to_pages_that_they_cannot_open(client: FlaskClient, failed: Job) -> None:
    page = client.get(f"/jobs/{failed.id}").text
    assert not [link for link in links(page) if link.startswith("/admin")]


def test_a_job_that_succeeded_after_an_error_has_no_link_to_it(admins: FlaskClient, put: Put) -> None:
    job = put(Status.COMPLETED, attempt=2, errors=({"text": "The shop did not respond.", "at": ""},))
    assert "error-group" not in admins.get(f"/jobs/{job.id}").text
