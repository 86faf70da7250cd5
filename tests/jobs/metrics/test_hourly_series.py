"""Attempts hour by hour, from the rollup only."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.jobs.conftest import Nothing, run_once
from tests.jobs.statements import plan_of, recorded
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.metrics.histogram import DurationHistogram
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def breaks(job: JobContext, payload: Nothing) -> None:
    raise ValueError("broken")


def succeeds(job: JobContext, payload: Nothing) -> None:
    pass


@pytest.fixture
def since(services: Services, lease: UUID, roll_up: Callable[[], Any]) -> datetime:
    services.registry.add(job_type("fine", title="Fine")(succeeds))
    services.registry.add(job_type("poor", title="Poor")(breaks))
    for name in ("fine", "fine", "poor"):
        services.jobs.create_job(name)
        run_once(services, "default", lease)
    roll_up()
    return services.queries.jobs.now() - timedelta(days=1)


def test_runs_are_counted_by_hour_type_and_outcome(services: Services, since: datetime) -> None:
    counts = {key[1:]: count for key, count in services.metrics.count_runs_by_hour(since).items()}
    assert counts == {("fine", "completed"): 2, ("poor", "failed"): 1}
    assert {key[1] for key in services.metrics.count_runs_by_hour(since, type="poor")} == {"poor"}


def test_run_times_have_completed_attempts_and_wait_times_all(services: Services, since: datetime) -> None:
    ran, waited = services.metrics.run_times_by_hour(since), services.metrics.wait_times_by_hour(since)
    assert set(ran) == {"fine"}
    assert DurationHistogram.sum_of(ran["fine"].values()).samples == 2
    assert DurationHistogram.sum_of(waited["default"].values()).samples == 3
    assert services.metrics.wait_times_by_hour(since, queue="other") == {}


def test_charts_read_the_rollup_by_its_hours_and_no_jobs(services: Services, since: datetime) -> None:
    with recorded(services.engine) as sent:
        services.metrics.count_runs_by_hour(since)
        services.metrics.wait_times_by_hour(since, queue="default")
        services.metrics.run_times_by_hour(since, type="fine")
    assert len(sent) == 3
    for statement, parameters in sent:
        plan = plan_of(services.engine, statement, parameters, as_if_large=True)
        assert "jobs" not in plan
        assert "SEARCH runs" in plan or "pk_runs" in plan
