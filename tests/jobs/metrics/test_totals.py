from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.jobs.conftest import Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.metrics.totals import SummedDurations
from webapp.schema import attempts, jobs, later, now, runs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def breaks(job: JobContext, payload: Nothing) -> None:
    raise ValueError("broken")


def succeeds(job: JobContext, payload: Nothing) -> None:
    pass


@pytest.fixture
def three_jobs(services: Services, lease: UUID) -> None:
    services.registry.add(job_type("fine", title="Fine")(succeeds))
    services.registry.add(job_type("poor", title="Poor")(breaks))
    for name in ("fine", "fine", "poor"):
        services.jobs.create_job(name)
        run_once(services, "default", lease)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(created_at=later(-500)))
        connection.execute(update(attempts).values(started_at=later(-100), finished_at=now()))


@pytest.mark.usefixtures("three_jobs")
def test_attempts_durations_and_events_are_counted_once(services: Services, roll_up: Any) -> None:
    roll_up()
    roll_up()
    totals = services.metrics.totals()
    assert totals.attempts == {("fine", "default", "completed"): 2, ("poor", "default", "failed"): 1}
    assert totals.events == {"created": 3, "started": 3, "completed": 2, "failed": 1}
    ran, waited = totals.run_times["fine", "default"], totals.wait_times["poor", "default"]
    assert sum(ran.counts.values()) == 2
    assert 200 <= ran.seconds < 210
    assert 400 <= waited.seconds < 410
    assert ("poor", "default") not in totals.run_times, "only completed attempts have a run time to compare"


@pytest.mark.usefixtures("three_jobs")
def test_totals_never_go_back(services: Services, roll_up: Any) -> None:
    roll_up()
    before = services.metrics.totals()
    with writing(services.engine) as connection:
        connection.execute(runs.delete())
        connection.execute(jobs.delete())
    assert services.metrics.totals() == before


def test_buckets_are_cumulative_and_end_with_all() -> None:
    durations = SummedDurations(counts={0: 1, 13: 2, 48: 4})
    cumulative = dict(durations.cumulative())
    assert (cumulative[0.01], cumulative[1.0], cumulative[2.0], cumulative[500_000.0]) == (1, 1, 3, 3)
    assert cumulative[float("inf")] == 7
