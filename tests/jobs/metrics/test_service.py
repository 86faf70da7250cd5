"""Several clocks roll up concurrently: each end is counted exactly once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from tests.jobs.conftest import end
from webapp.jobs.metrics import attempt_stats, error_rollup
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
JOBS = 12


def counted(services: Services) -> tuple[int, int, int]:
    since = services.queries.jobs.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    ended = sum(services.metrics.count_ended_by_hour(since).values())
    return (
        ended,
        sum(stats.runs for stats in services.metrics.attempt_stats(since)),
        sum(group.count for group in services.metrics.errors.page()),
    )


def claim(services: Services, lease: UUID) -> Job:
    services.jobs.create_job("nothing")
    job = services.claims.claim("default", lease, fresh=True)
    assert job is not None
    return job


def test_each_end_is_counted_once_by_concurrent_clocks(
    services: Services, lease: UUID, monkeypatch: pytest.MonkeyPatch, roll_up: Callable[[], None]
) -> None:
    monkeypatch.setattr(attempt_stats, "BATCH", 5)
    monkeypatch.setattr(error_rollup, "BATCH", 5)
    with ThreadPoolExecutor(4) as clocks:
        rollups = []
        for _ in range(JOBS):
            end(services, claim(services, lease), Status.FAILED, error="broken")
            rollups += [clocks.submit(roll_up) for _ in range(2)]
        for rollup in rollups:
            rollup.result()
    roll_up()
    assert counted(services) == (JOBS, JOBS, JOBS)
