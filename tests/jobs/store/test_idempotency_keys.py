"""A request with an idempotency key creates one job, however often it is sent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from webapp.jobs.model.job import Job
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
Make = Callable[..., Job]


def test_a_request_that_is_sent_twice_creates_one_job(services: Services, make: Make) -> None:
    first = make(request_key="a")
    assert make(request_key="a").id == first.id
    assert make(request_key="b").id != first.id
    assert make().id != make().id


@pytest.mark.dialect(both=True)
def test_concurrent_requests_with_one_key_create_one_job(services: Services, make: Make) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = {job.id for job in threads.map(lambda _: make(request_key="a"), range(8))}
    assert len(made) == 1
    assert len(services.queries.all_jobs.newest(10)) == 1


def test_a_key_is_deleted_with_its_job(services: Services, make: Make) -> None:
    first = make(request_key="a")
    services.jobs.cancel(first.id)
    services.pruner.prune(timedelta(0))
    assert make(request_key="a").id != first.id
