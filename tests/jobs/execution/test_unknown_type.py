"""Jobs of a type that this worker does not know are handed back, and fail after an hour."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from tests.jobs.conftest import run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.unknown_type import GIVE_UP_AFTER, ending_after
from webapp.jobs.model.job import Job, Status
from webapp.schema import attempts, jobs, later
from webapp.services import Services

NOW = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("database")


class Nothing(BaseModel):
    pass


@pytest.fixture
def claimed_job(services: Services, lease: UUID) -> Job:
    """A job of a newer version, which this worker has claimed once."""
    made = services.jobs.create_job("nothing")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == made.id).values(type="newer"))
    return run_once(services, "default", lease)


def claim_again(services: Services, lease: UUID, *, hours_ago: float) -> Job:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status="queued", run_at=None))
        connection.execute(update(attempts).values(started_at=later(-3600 * hours_ago)))
    return run_once(services, "default", lease)


def test_a_job_of_an_unknown_type_is_handed_back_without_using_up_an_attempt(
    services: Services, claimed_job: Job
) -> None:
    assert (claimed_job.status, claimed_job.attempt, claimed_job.max_attempts, claimed_job.errors) == (
        Status.SCHEDULED,
        1,
        2,
        (),
    )
    (attempt,) = services.queries.jobs.attempts(claimed_job.id)
    assert timedelta(seconds=10) < claimed_job.run_at - attempt.finished_at <= timedelta(seconds=31)
    assert attempt.outcome == "unknown_type"
    assert attempt.error == "This worker does not know the job type 'newer'. Another worker may know it."


def test_a_worker_that_knows_the_type_runs_it(services: Services, claimed_job: Job, lease: UUID) -> None:
    services.registry.add(job_type("newer", title="Newer")(lambda_of_nothing))
    assert claim_again(services, lease, hours_ago=0.5).status is Status.COMPLETED


def test_a_job_fails_after_an_hour_without_a_worker_that_knows_its_type(
    services: Services, claimed_job: Job, lease: UUID
) -> None:
    assert claim_again(services, lease, hours_ago=0.9).status is Status.SCHEDULED
    job = claim_again(services, lease, hours_ago=1.1)
    assert (job.status, len(job.errors)) == (Status.FAILED, 1)
    assert job.errors[0]["text"].startswith("No worker has known the job type 'newer' for an hour")


def test_a_job_of_an_unknown_type_can_be_stopped(services: Services, claimed_job: Job, lease: UUID) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(cancel_requested_at=later(0)))
    assert claim_again(services, lease, hours_ago=0.1).status is Status.CANCELLED


def test_the_delays_grow_up_to_five_minutes() -> None:
    delays = [ending_after("newer", NOW, NOW + GIVE_UP_AFTER * part).retry_in for part in (0, 0.1, 0.5, 0.99)]
    assert delays == [30, 120, 300, 300]


def lambda_of_nothing(job: object, payload: Nothing) -> None:
    """Do nothing."""
