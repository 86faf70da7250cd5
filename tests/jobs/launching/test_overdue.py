from uuid import UUID

import pytest
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.launching.launches import Launches
from webapp.jobs.launching.overdue import settle_launches
from webapp.jobs.model.job import Job, Status
from webapp.schema import attempts, later
from webapp.schema import launches as launch_rows
from webapp.services import Services


@pytest.fixture
def woken() -> list[str]:
    return []


def settle(services: Services, woken: list[str]) -> int:
    return settle_launches(services.launches, services.leases, woken.append)


def test_a_job_whose_process_does_not_come_is_launched_again_and_fails_in_the_end(
    services: Services, launches: Launches, launched: Job, lease: UUID, woken: list[str]
) -> None:
    assert settle(services, woken) == 0
    be_late(services)
    assert settle(services, woken) == 1
    assert services.jobs.get(launched.id).status is Status.QUEUED
    assert woken == ["default"], "a worker of the queue stops the process if it comes after all"
    again = services.claims.claim("default", lease, fresh=True)
    launches.let_wait(again, lease, launches.open(again, "h", 600))
    be_late(services)
    settle(services, woken)
    job = services.jobs.get(launched.id)
    assert (job.status, job.attempt) == (Status.FAILED, 2)
    assert job.errors[-1]["text"].startswith("Its process did not begin within")


def test_a_job_that_is_stopped_before_it_has_begun_ends_at_once(
    services: Services, launched: Job, woken: list[str]
) -> None:
    services.jobs.cancel(launched.id)
    assert settle(services, woken) == 1
    assert services.jobs.get(launched.id).status is Status.CANCELLED


def test_a_process_that_nobody_stops_is_left_to_itself_after_a_while(
    services: Services, launched: Job, woken: list[str]
) -> None:
    services.jobs.cancel(launched.id)
    settle(services, woken)
    settle(services, woken)
    assert woken == ["default", "default"], "a worker may still come that has the command"
    with writing(services.engine) as connection:
        connection.execute(update(attempts).values(finished_at=later(-601)))
    settle(services, woken)
    woken.clear()
    settle(services, woken)
    assert woken == []


def be_late(services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(launch_rows).values(begin_by=later(-1)))
