"""A job type that asks for the password of the user is started only with it, and guesses are counted."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel
from redis import Redis

from webapp.accounts.user import User
from webapp.config import Settings
from webapp.jobs import Job, JobContext, Status, job_type
from webapp.jobs.model.job import Owner
from webapp.services import Services


class Nothing(BaseModel):
    pass


def handler(job: JobContext, payload: Nothing) -> None:
    """Do nothing."""


@pytest.fixture
def settings(settings: Settings, valkey_url: str) -> Settings:
    Redis.from_url(valkey_url).flushdb()
    return settings.model_copy(update={"login_limit": "2 per minute", "address_limit": "4 per minute"})


@pytest.fixture(autouse=True)
def guarded(services: Services) -> None:
    services.registry.add(job_type("guarded", title="Guarded", asks_password=True)(handler))
    services.registry.add(job_type("open", title="Open")(handler))


def post(client: FlaskClient, password: str = "", name: str = "guarded") -> int:
    return client.post(f"/jobs/new/{name}", data={"own_password": password}).status_code


def test_the_form_asks_for_the_password(client: FlaskClient) -> None:
    assert 'name="own_password"' in client.get("/jobs/new/guarded").text
    assert 'name="own_password"' not in client.get("/jobs/new/open").text


def test_only_the_right_password_starts_the_job(client: FlaskClient, services: Services, password: str) -> None:
    answer = client.post("/jobs/new/guarded", data={"own_password": "a wrong password"})
    assert answer.status_code == 422
    assert "Incorrect password." in answer.text
    assert services.queries.all_jobs.newest(9) == ()
    assert post(client, password) == 303
    assert password not in repr(services.queries.all_jobs.newest(9))


def test_guesses_are_counted(client: FlaskClient, password: str) -> None:
    assert [post(client, "wrong") for _ in range(2)] == [422, 422]
    assert post(client, password) == 429
    assert post(client, name="open") == 303, "a type without a password is not limited"


def test_starting_it_often_with_the_right_password_is_not_limited(client: FlaskClient, password: str) -> None:
    assert [post(client, password) for _ in range(6)] == [303] * 6


def test_it_is_not_run_again(client: FlaskClient, put: Callable[..., Job], services: Services, user: User) -> None:
    job = put(Status.COMPLETED, type="guarded", owner=Owner(user_id=user.id), payload={})
    again: Any = client.post(f"/jobs/{job.id}/run-again")
    assert again.status_code == 409
    assert "asks for your password" in again.text
    client.post("/jobs/act/run_again", data={"id": job.id})
    assert [each.id for each in services.queries.all_jobs.newest(9)] == [job.id]
