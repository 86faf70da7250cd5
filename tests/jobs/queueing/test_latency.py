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


def set_columns(services: Services, job: Job, **values: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))


def test_the_oldest_wait_is_the_wait_of_the_oldest_queued_job(services: Services, make: Callable[..., Job]) -> None:
    old, _ = make(), make()
    set_columns(services, old, created_at=later(-3600))
    oldest = services.queues.oldest_waits()["default"]
    assert timedelta(minutes=60) <= oldest < timedelta(minutes=90)


def test_a_scheduled_job_waits_from_its_due_time(services: Services, make: Callable[..., Job]) -> None:
    set_columns(services, make(), created_at=later(-6000), run_at=later(-30))
    assert services.queues.oldest_waits()["default"] < timedelta(minutes=30)


def test_a_retried_job_waits_from_the_retry(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    end(services, job, Status.FAILED)
    set_columns(services, job, created_at=later(-90_000))
    services.jobs.retry(job.id)
    assert services.queues.oldest_waits()["default"] < timedelta(minutes=30)


def test_jobs_are_read_until_no_later_one_can_have_waited_longer(
    services: Services, make: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first jobs became due just now; behind them are the job that waited longest and one of another queue."""
    services.queues.add("night")
    for _ in range(7):
        set_columns(services, make(), created_at=later(-9000), run_at=later(-30))
    set_columns(services, make(), created_at=later(-3600))
    set_columns(services, make(queue="night"), created_at=later(-60))
    make()
    monkeypatch.setattr(latency, "_NEXT_CREATED", latency._NEXT_CREATED.limit(2))
    oldest = services.queues.oldest_waits()
    assert timedelta(minutes=60) <= oldest["default"] < timedelta(minutes=90)
    assert timedelta(seconds=60) <= oldest["night"] < timedelta(minutes=30)


def test_the_first_jobs_of_a_long_queue_are_enough(services: Services, make: Callable[..., Job]) -> None:
    services.jobs.create_many("nothing", [{}] * 1200)
    with recorded(services.engine) as sent:
        assert services.queues.oldest_waits()["default"] < timedelta(minutes=30)
    assert sum("created_at" in statement for statement, _ in sent) == 1


def test_the_latency_comes_with_its_number_of_samples(services: Services, running: Callable[..., Job]) -> None:
    for seconds in range(1, 21):
        job = running()
        end(services, job)
        set_columns(services, job, created_at=later(-100 - seconds), started_at=later(-100))
    wait = services.queues.latencies()["default"]
    assert (round(wait.p95.total_seconds()), wait.samples) == (19, 20)
