from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job
from webapp.services import Services

BANNER = "Jobs are waiting because their queue is paused."


@pytest.fixture
def ana(user: User, client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(user)


def test_owners_of_waiting_jobs_see_a_pause_within_one_poll(
    ana: FlaskClient, services: Services, put: Callable[..., Job], admin: User
) -> None:
    put()
    tag = ana.get("/jobs").text.partition('hx-ptag="')[2].partition('"')[0]
    services.queues.pause("default", reason="Moving the database", by=admin.id)
    answer = ana.get("/jobs/_live", headers={"HX-PTag": tag})
    assert answer.status_code == 200
    assert BANNER in answer.text
    assert "Moving the database" in answer.text
    assert "root" not in answer.text, "users do not see who paused a queue"
    assert "/admin/queues" not in answer.text


def test_users_without_waiting_jobs_see_no_banner(
    ana: FlaskClient, services: Services, put: Callable[..., Job]
) -> None:
    put(queue="night")
    services.queues.pause("default", reason="Moving the database")
    assert BANNER not in ana.get("/jobs").text


def test_a_paused_queue_does_not_report_a_missing_worker(
    ana: FlaskClient, services: Services, put: Callable[..., Job]
) -> None:
    put()
    assert "no worker is running" in ana.get("/jobs").text
    services.queues.pause("default", reason="Moving the database")
    assert "no worker is running" not in ana.get("/jobs").text, "no worker would start it now"


def test_operators_see_who_paused_the_queue_with_a_link(
    services: Services, put: Callable[..., Job], admin: User, client_of: Callable[[User], FlaskClient]
) -> None:
    put()
    services.queues.pause("default", reason="Moving the database", by=admin.id)
    text = client_of(admin).get("/jobs").text
    assert "Paused by you," in text
    assert 'href="/admin/queues/default"' in text
