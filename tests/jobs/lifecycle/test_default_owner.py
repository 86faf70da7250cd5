"""A job without an explicit owner belongs to the signed-in user of a request, else to the system."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.jobs.conftest import Nothing
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle.default_owner import nobody, with_owner
from webapp.jobs.model.job import SYSTEM, Job, Owner
from webapp.services import Services

BEN = Owner(user_id=uuid4(), tenant="north")


@pytest.fixture
def ana(people: Callable[[], UUID]) -> Owner:
    return Owner(user_id=people(), tenant="south")


def test_an_explicit_owner_always_wins() -> None:
    assert with_owner(BEN, {"title": "x"}, lambda: SYSTEM) == (BEN, {"title": "x"})
    assert with_owner(SYSTEM, {}, lambda: BEN) == (SYSTEM, {})


def test_without_a_signed_in_user_the_owner_is_the_system() -> None:
    assert with_owner(None, {"title": "x"}, nobody) == (SYSTEM, {"title": "x"})


def test_a_job_of_the_signed_in_user_was_started_by_that_user() -> None:
    assert with_owner(None, {}, lambda: BEN) == (BEN, {"triggered_by": BEN.user_id})
    other = uuid4()
    assert with_owner(None, {"triggered_by": other}, lambda: BEN) == (BEN, {"triggered_by": other})


def test_every_way_of_creating_jobs_finds_the_signed_in_user(services: Services, ana: Owner) -> None:
    services.jobs.signed_in_user = lambda: ana
    jobs = [
        services.jobs.create_job("nothing"),
        services.jobs.create_or_find_job("nothing").job,
        *map(services.jobs.get, services.jobs.create_many("nothing", [{}, {}])),
    ]
    assert {(job.owner, job.triggered_by) for job in jobs} == {(ana, ana.user_id)}
    assert services.jobs.create_system_job("nothing").owner == Owner(public=True)
    assert services.jobs.create_job("nothing", owner=BEN).owner == BEN


def test_a_handler_is_never_mistaken_for_a_request(services: Services, run: Callable[..., Job], ana: Owner) -> None:
    services.jobs.signed_in_user = lambda: ana
    owners: list[Owner] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        owners.append(services.jobs.create_job("nothing").owner)

    run(handler, owner=ana)
    assert owners == [SYSTEM]
    assert services.jobs.create_job("nothing").owner == ana, "the request goes on after the handler"
