from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.jobs.conftest import end
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def disabled(services: Services) -> None:
    services.disabled_types.disable("nothing", reason="The supplier is down", by=uuid4())


@pytest.mark.usefixtures("disabled")
def test_a_disabled_type_cannot_be_started_and_gives_the_reason(services: Services, make: Callable[..., Job]) -> None:
    with pytest.raises(TypeDisabled, match="Job type 'nothing' is disabled: The supplier is down"):
        make()
    with pytest.raises(TypeDisabled):
        services.jobs.create_many("nothing", [{}, {}])
    services.disabled_types.enable("nothing")
    assert make().status is Status.QUEUED


def test_a_disabled_type_is_neither_run_again_nor_retried(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    end(services, job, Status.FAILED)
    services.disabled_types.disable("nothing")
    for start in (services.jobs.run_again, services.jobs.retry):
        with pytest.raises(TypeDisabled):
            start(job.id)
    assert services.jobs.get(job.id).status is Status.FAILED


def test_a_queued_job_of_a_disabled_type_stays_queued_until_the_type_is_enabled(
    services: Services, make: Callable[..., Job], lease: UUID
) -> None:
    job = make()
    services.disabled_types.disable("nothing")
    assert services.claims.claim("default", lease, fresh=True) is None
    assert not services.claims.has_claimable("default")
    assert services.jobs.get(job.id).status is Status.QUEUED
    services.disabled_types.enable("nothing")
    assert services.claims.claim("default", lease, fresh=True).id == job.id


def test_jobs_of_other_types_are_claimed(services: Services, make: Callable[..., Job], lease: UUID) -> None:
    services.disabled_types.disable("another")
    job = make()
    assert services.claims.has_claimable("default")
    assert services.claims.claim("default", lease, fresh=True).id == job.id


@pytest.mark.usefixtures("disabled")
def test_disabling_a_disabled_type_changes_nothing(services: Services) -> None:
    services.disabled_types.disable("nothing", reason="again")
    assert services.disabled_types.all()["nothing"].reason == "The supplier is down"
