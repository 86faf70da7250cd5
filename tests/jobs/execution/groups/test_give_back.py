from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from tests.jobs.conftest import LOCATION
from tests.jobs.row_invariants import broken, snapshot
from webapp.db.engine import writing
from webapp.jobs.execution.groups.give_back import give_back
from webapp.jobs.model.job import Job, Status
from webapp.schema import jobs, now
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.usefixtures("database")]


def back(services: Services, lease: UUID, *given: Job) -> set[str]:
    with writing(services.engine) as connection:
        return give_back(connection, lease, [job.id for job in given], LOCATION)


def test_a_job_that_has_not_begun_is_queued_as_it_was(
    services: Services, make: Callable[..., Job], lease: UUID
) -> None:
    before = services.jobs.get(make(max_attempts=2).id)
    claimed = services.claims.claim("default", lease, fresh=True)
    assert claimed
    assert back(services, lease, claimed) == {"default"}
    after = services.jobs.get(before.id)
    same = (
        "status",
        "attempt",
        "max_attempts",
        "uncounted_attempts",
        "interruptions",
        "started_at",
        "lease_id",
        "fair",
    )
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert [event.name for event in services.queries.jobs.timeline(before.id)] == ["created"]
    assert services.queries.jobs.attempts(before.id) == ()
    assert broken(snapshot(services.engine)) == []
    again = services.claims.claim("default", lease, fresh=True)
    assert again
    assert (again.id, again.attempt) == (before.id, 1)


def test_what_an_earlier_attempt_reported_is_kept(services: Services, running: Callable[..., Job], lease: UUID) -> None:
    job = running()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(message="The shop is closed."))
    back(services, lease, job)
    assert services.jobs.get(job.id).message == "The shop is closed."


def test_a_job_that_was_asked_to_stop_is_stopped_before_its_start(
    services: Services, running: Callable[..., Job], lease: UUID
) -> None:
    stopped, other = running(), running()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == stopped.id).values(cancel_requested_at=now()))
    back(services, lease, stopped, other)
    found = services.jobs.get(stopped.id)
    assert (found.status, found.cancel_kind) == (Status.CANCELLED, "before_start")
    assert services.jobs.get(other.id).status is Status.QUEUED
    assert broken(snapshot(services.engine)) == []


def test_only_the_holder_of_the_lease_gives_back(services: Services, running: Callable[..., Job], lease: UUID) -> None:
    job = running()
    assert back(services, uuid4(), job) == set()
    assert services.jobs.get(job.id).lease_id == lease
