"""A job that a request creates without an owner belongs to the signed-in user."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from tests.jobs.conftest import HOLDER, run_once
from webapp.accounts.user import User
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import SYSTEM, Job, Owner
from webapp.services import Services

Client = Callable[[User], FlaskClient]


class Nothing(BaseModel):
    pass


def do_nothing(job: JobContext, payload: Nothing) -> None:
    pass


@pytest.fixture(autouse=True)
def noop(services: Services) -> None:
    services.registry.add(job_type("noop", title="Nothing")(do_nothing))


@pytest.fixture
def ana(person: Callable[..., User]) -> User:
    return person("ana-of-the-north", tenant="north")


@pytest.fixture
def in_request(app: Flask, client_of: Client, ana: User) -> Callable[[Callable[[], object]], None]:
    """Call a function in a request of ana."""

    def in_request(function: Callable[[], object]) -> None:
        app.add_url_rule("/in-a-test", "in_a_test", lambda: str(function()))
        assert client_of(ana).get("/in-a-test").status_code == 200

    return in_request


def test_a_job_of_a_request_belongs_to_the_signed_in_user(
    services: Services, in_request: Callable[..., None], ana: User
) -> None:
    created: list[Job] = []
    in_request(lambda: created.append(services.jobs.create_job("noop")))
    assert [(job.owner, job.triggered_by) for job in created] == [(Owner(user_id=ana.id, tenant="north"), ana.id)]


@pytest.mark.parametrize("owner", [SYSTEM, Owner(public=True), Owner(user_id=UUID(int=7))])
def test_an_explicit_owner_wins_in_a_request(services: Services, in_request: Callable[..., None], owner: Owner) -> None:
    created: list[Job] = []
    in_request(lambda: created.append(services.jobs.create_job("noop", owner=owner)))
    assert [(job.owner, job.triggered_by) for job in created] == [(owner, None)]


def test_a_request_without_a_signed_in_user_creates_jobs_of_the_system(app: Flask, services: Services) -> None:
    with app.test_request_context("/"):
        assert services.jobs.create_job("noop").owner == SYSTEM
    assert services.jobs.create_job("noop").owner == SYSTEM, "outside a request"


def test_a_handler_that_runs_in_a_request_creates_jobs_of_the_system(
    services: Services, in_request: Callable[..., None]
) -> None:
    owners: list[Any] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        owners.append(services.jobs.create_job("noop").owner)

    services.registry.add(job_type("creates", title="Creates jobs")(handler))
    services.jobs.create_job("creates")
    lease = services.leases.open(HOLDER, "default")
    in_request(lambda: run_once(services, "default", lease).status)
    assert owners == [SYSTEM]
