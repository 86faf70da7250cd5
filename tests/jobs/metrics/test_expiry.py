"""Old metrics are deleted; an error stays while a job has it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from tests.jobs.conftest import Nothing
from webapp.db.engine import reading, writing
from webapp.jobs.metrics.expiry import prune_metrics
from webapp.jobs.model.job import Job
from webapp.schema import error_groups, error_hours, error_users, job_errors, later, runs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
YEAR = timedelta(days=365)
OLD, YOUNG = later(-2 * YEAR.total_seconds()), later(-3600)
CELL = {"type": "nothing", "queue": "default", "outcome": "completed", "run_bucket": 3, "wait_bucket": 2, "runs": 7}


def count(services: Services, table: Any) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def add(services: Services, table: Any, **values: Any) -> None:
    with writing(services.engine) as connection:
        connection.execute(insert(table).values(**values))


@pytest.fixture
def error(services: Services, people: Callable[[], Any], make: Callable[..., Job]) -> Callable[..., None]:
    """Add an error that was last seen at a time and affected one user."""

    def error(fingerprint: str, seen: Any, job: Job | None = None) -> None:
        sample = job or make()
        group = {"type": "nothing", "message": "It broke.", "count": 1, "first_seen_at": seen, "last_seen_at": seen}
        add(services, error_groups, fingerprint=fingerprint, sample_job_id=sample.id, **group)
        add(services, error_hours, fingerprint=fingerprint, hour=seen, count=1)
        add(services, error_users, fingerprint=fingerprint, user_id=people())
        if job:
            add(services, job_errors, job_id=job.id, fingerprint=fingerprint)

    return error


def test_old_hours_are_deleted_and_recent_ones_kept(services: Services) -> None:
    for hour in (OLD, later(-3 * YEAR.total_seconds()), YOUNG):
        add(services, runs, hour=hour, **CELL)
    assert prune_metrics(services.engine, YEAR, only_count=True) == 2
    assert count(services, runs) == 3, "only counted"
    assert prune_metrics(services.engine, YEAR) == 2
    assert count(services, runs) == 1
    assert prune_metrics(services.engine, YEAR) == 0


def test_an_old_error_is_deleted_with_its_counts(
    services: Services, make: Callable[..., Job], error: Callable[..., None]
) -> None:
    error("old", OLD)
    error("young", YOUNG)
    error("kept", OLD, make(payload=Nothing()))
    prune_metrics(services.engine, YEAR)
    assert {group.fingerprint for group in services.metrics.errors.page()} == {"young", "kept"}
    assert count(services, error_users) == 2
    assert count(services, error_hours) == 1, "hours older than the retention are deleted even for errors that stay"


def test_an_unlimited_retention_deletes_nothing(services: Services) -> None:
    add(services, runs, hour=OLD, **CELL)
    assert prune_metrics(services.engine, timedelta.max) == 0
    assert count(services, runs) == 1
