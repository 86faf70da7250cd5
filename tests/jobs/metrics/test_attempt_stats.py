from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.jobs.conftest import Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.metrics import attempt_stats
from webapp.jobs.metrics.attempt_stats import AttemptStats
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import RetryPolicy
from webapp.schema import attempts, jobs, later, now
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Job]


def breaks(job: JobContext, payload: Nothing) -> None:
    raise ValueError("broken")


def succeeds(job: JobContext, payload: Nothing) -> None:
    pass


def stats(services: Services) -> AttemptStats:
    now: datetime = services.queries.jobs.now()
    (only,) = services.metrics.attempt_stats(now - timedelta(days=1))
    return only


def test_attempts_are_counted_by_outcome(services: Services, lease: UUID, roll_up: Any) -> None:
    services.registry.add(job_type("fine", title="Fine")(succeeds))
    services.registry.add(job_type("poor", title="Poor")(breaks))
    for name in ("fine", "fine", "poor"):
        services.jobs.create_job(name)
        run_once(services, "default", lease)
    roll_up()
    roll_up()
    fine, poor = services.metrics.attempt_stats(services.queries.jobs.now() - timedelta(days=1))
    assert (fine.type_name, fine.runs, fine.failures, fine.run_times.samples) == ("fine", 2, 0, 2)
    assert (poor.type_name, poor.runs, poor.failures, poor.run_times.samples) == ("poor", 1, 1, 0)


def test_a_failed_attempt_counts_even_if_a_later_one_succeeds(
    run: Run, services: Services, lease: UUID, roll_up: Any
) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        if job.attempt == 1:
            raise ValueError

    job = run(handler, retry=RetryPolicy(max_attempts=2, jitter=0))
    roll_up()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status="queued", run_at=None))
    run_once(services, "default", lease)
    roll_up()
    assert (stats(services).runs, stats(services).failures) == (2, 1)


def test_attempts_of_deleted_jobs_still_count(run: Run, services: Services, roll_up: Any) -> None:
    job = run(succeeds)
    roll_up()
    services.jobs.delete(job.id)
    assert stats(services).runs == 1


def test_run_and_wait_times_are_measured(run: Run, services: Services, roll_up: Any) -> None:
    job = run(succeeds)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(created_at=later(-500)))
        connection.execute(update(attempts).values(started_at=later(-100), finished_at=now()))
    roll_up()
    ran, waited = stats(services).run_times.percentile(1.0), stats(services).wait_times.percentile(1.0)
    assert ran is not None
    assert waited is not None
    assert 70 < ran.total_seconds() <= 150
    assert 300 < waited.total_seconds() <= 500


def test_a_delay_is_not_wait_time(services: Services, lease: UUID, roll_up: Any) -> None:
    job = services.jobs.create_job("nothing", delay=timedelta(hours=1))
    with writing(services.engine) as connection:
        times = {"status": "queued", "run_at": later(-2), "created_at": later(-3602)}
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**times))
    run_once(services, "default", lease)
    roll_up()
    waited = stats(services).wait_times.percentile(1.0)
    assert waited is not None
    assert waited < timedelta(minutes=30)


def test_many_events_are_added_up_in_batches(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch, roll_up: Any
) -> None:
    run(succeeds)
    monkeypatch.setattr(attempt_stats, "BATCH", 1)
    roll_up()
    assert stats(services).runs == 1
