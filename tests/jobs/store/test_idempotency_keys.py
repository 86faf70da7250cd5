"""One request makes one job, however often it arrives."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from webapp.jobs.model.job import Job
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]
Make = Callable[..., Job]


def test_a_request_that_arrives_twice_makes_one_job(services: Services, make: Make) -> None:
    first = make(request_key="a")
    assert make(request_key="a").id == first.id
    assert make(request_key="b").id != first.id
    assert make().id != make().id


def test_a_request_that_arrives_twice_at_once_makes_one_job(services: Services, make: Make) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = {job.id for job in threads.map(lambda _: make(request_key="a"), range(8))}
    assert len(made) == 1
    assert len(services.queries.all_jobs.newest(10)) == 1


def test_a_request_is_forgotten_with_its_job(services: Services, make: Make) -> None:
    first = make(request_key="a")
    services.jobs.cancel(first.id)
    services.pruner.prune(timedelta(0))
    assert make(request_key="a").id != first.id
