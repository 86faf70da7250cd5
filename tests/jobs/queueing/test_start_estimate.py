"""The place in line follows the order of the claim; the start is estimated only with enough data."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


@pytest.fixture
def change(services: Services) -> Callable[..., None]:
    def change(job: Job, **values: Any) -> None:
        with writing(services.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))

    return change


@pytest.fixture
def took(make: Make, change: Callable[..., None]) -> Callable[[float], None]:
    """Create a completed job that took the given number of seconds."""

    def took(seconds: float) -> None:
        change(make(), status="completed", started_at=later(-seconds), finished_at=later(0.0))

    return took


def test_the_place_in_line_matches_the_order_of_the_claim(services: Services, make: Make, lease: UUID) -> None:
    first, second = uuid4(), uuid4()
    waiting = [make(Owner(user_id=first)) for _ in range(4)]
    waiting += [make(Owner(user_id=second)), make(priority=200), make(priority=1)]
    places = {services.queries.estimates.place_in_queue(job): job.id for job in waiting}
    claimed = [services.claims.claim("default", lease, fresh=True).id for _ in waiting]
    assert [places[place] for place in sorted(places)] == claimed


def test_the_work_ahead_is_divided_by_the_number_of_workers(
    services: Services, make: Make, took: Callable[[float], None]
) -> None:
    took(3600)
    for _ in range(4):
        last = make()
    assert near(services.queries.estimates.starts_within(last, workers=1), 3 * 3600)
    assert near(services.queries.estimates.starts_within(last, workers=2), 1.5 * 3600)
    assert services.queries.estimates.starts_within(last, workers=4) == timedelta(seconds=5)


def test_a_running_job_counts_with_the_rest_of_its_usual_duration(
    services: Services, make: Make, took: Callable[[float], None], change: Callable[..., None]
) -> None:
    took(3600)
    running, waiting = make(), make()
    change(running, status="running", started_at=later(-2400.0))
    assert near(services.queries.estimates.starts_within(waiting, workers=1), 1200)
    change(running, started_at=later(-36_000.0))
    assert services.queries.estimates.starts_within(waiting, workers=1) is None


def test_without_enough_data_there_is_no_estimate(
    services: Services, make: Make, took: Callable[[float], None]
) -> None:
    first, second = make(), make()
    assert services.queries.estimates.starts_within(second, workers=1) is None
    took(3600)
    assert services.queries.estimates.starts_within(second, workers=0) is None
    assert services.queries.estimates.starts_within(second, workers=1, limited=True) is None
    assert services.queries.estimates.starts_within(services.jobs.cancel(first.id), workers=1) is None
    assert first.status is Status.QUEUED


def near(period: timedelta | None, seconds: float) -> bool:
    return period is not None and abs(period.total_seconds() - seconds) < 600
