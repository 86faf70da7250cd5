from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.jobs.conftest import end
from tests.jobs.statements import recorded
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queueing import latency
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def stand(services: Services, job: Job, **values: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))


def test_the_oldest_wait_of_a_queue_is_that_of_its_oldest_job(services: Services, make: Callable[..., Job]) -> None:
    old, _ = make(), make()
    stand(services, old, created_at=later(-600))
    oldest = services.queues.oldest_waits()["default"]
    assert timedelta(seconds=599) < oldest < timedelta(seconds=660)


def test_a_job_that_was_due_later_waits_since_then(services: Services, make: Callable[..., Job]) -> None:
    stand(services, make(), created_at=later(-6000), run_at=later(-30))
    assert services.queues.oldest_waits()["default"] < timedelta(seconds=90)


def test_a_job_that_is_tried_again_waits_since_then(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    end(services, job, Status.FAILED)
    stand(services, job, created_at=later(-90_000))
    services.jobs.retry(job.id)
    assert services.queues.oldest_waits()["default"] < timedelta(seconds=60)


def test_the_walk_goes_on_until_nobody_behind_can_have_waited_longer(
    services: Services, make: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs that were due only now stand first; behind them the one that has waited, and another queue's."""
    services.queues.add("night")
    for _ in range(7):
        stand(services, make(), created_at=later(-9000), run_at=later(-30))
    stand(services, make(), created_at=later(-600))
    stand(services, make(queue="night"), created_at=later(-120))
    make()
    monkeypatch.setattr(latency, "_NEXT_CREATED", latency._NEXT_CREATED.limit(2))
    oldest = services.queues.oldest_waits()
    assert timedelta(seconds=599) < oldest["default"] < timedelta(seconds=660)
    assert timedelta(seconds=119) < oldest["night"] < timedelta(seconds=180)


def test_of_very_many_that_wait_the_first_are_enough(services: Services, make: Callable[..., Job]) -> None:
    services.jobs.create_many("nothing", [{}] * 1200)
    with recorded(services.engine) as sent:
        assert services.queues.oldest_waits()["default"] < timedelta(seconds=60)
    assert sum("created_at" in statement for statement, _ in sent) == 1


def test_how_long_jobs_waited_is_told_with_the_number_of_samples(
    services: Services, running: Callable[..., Job]
) -> None:
    for seconds in range(1, 21):
        job = running()
        end(services, job)
        stand(services, job, created_at=later(-100 - seconds), started_at=later(-100))
    wait = services.queues.latencies()["default"]
    assert (round(wait.p95.total_seconds()), wait.samples) == (19, 20)


def test_emptying_a_queue_stops_what_waits_and_nothing_else(
    services: Services, make: Callable[..., Job], running: Callable[..., Job]
) -> None:
    runs = running()
    waiting = [make() for _ in range(3)]
    services.queues.add("night")
    elsewhere = make(queue="night")
    assert services.queues.empty("default", services.jobs.cancel_many) == 3
    assert {services.jobs.get(job.id).status for job in waiting} == {Status.CANCELLED}
    assert services.jobs.get(runs.id).status is Status.RUNNING
    assert services.jobs.get(elsewhere.id).status is Status.QUEUED


def test_emptying_takes_no_longer_than_it_may(services: Services, make: Callable[..., Job]) -> None:
    make()
    assert services.queues.empty("default", services.jobs.cancel_many, seconds=0.0) == 0
    assert services.queues.count_queued("default") == 1
