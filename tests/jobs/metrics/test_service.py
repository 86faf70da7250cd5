"""Several clocks add up at once, and while others write: each thing is counted, and counted once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.jobs.conftest import end
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending
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
        sum(went.runs for went in services.metrics.attempt_stats(since)),
        sum(group.count for group in services.metrics.errors.page()),
    )


def claim(services: Services, lease: UUID) -> Job:
    services.jobs.create_job("nothing")
    job = services.claims.claim("default", lease, fresh=True)
    assert job is not None
    return job


def test_each_end_is_counted_once_by_concurrent_clocks(
    services: Services, lease: UUID, monkeypatch: pytest.MonkeyPatch, fold: Callable[[], None]
) -> None:
    monkeypatch.setattr(attempt_stats, "BATCH", 5)
    monkeypatch.setattr(error_rollup, "BATCH", 5)
    with ThreadPoolExecutor(4) as clocks:
        folding = []
        for _ in range(JOBS):
            end(services, claim(services, lease), Status.FAILED, error="broken")
            folding += [clocks.submit(fold) for _ in range(2)]
        for one in folding:
            one.result()
    fold()
    assert counted(services) == (JOBS, JOBS, JOBS)


def test_a_late_commit_is_not_missed(services: Services, lease: UUID, database: str, fold: Callable[[], None]) -> None:
    if database == "sqlite":
        return  # whoever writes there is alone
    late, soon = claim(services, lease), claim(services, lease)
    horse: Any = finish_attempt.AttemptLocation(worker="w", host="h", pid=1)
    ending = Ending(status=Status.FAILED, outcome="failed", error="broken")
    with services.engine.begin() as connection:
        finish_attempt.end_attempt(connection, late, horse, ending)
        end(services, soon, Status.FAILED, error="broken")
        fold()
    fold()
    assert counted(services) == (2, 2, 2)
