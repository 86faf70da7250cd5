from collections.abc import Callable
from uuid import UUID

import pytest

from tests.jobs.conftest import HOLDER
from webapp.jobs.launching.launches import Launches
from webapp.jobs.model.job import Job
from webapp.services import Services


@pytest.fixture
def launches(services: Services) -> Launches:
    return services.launches


@pytest.fixture
def claimed(services: Services, make: Callable[..., Job], lease: UUID) -> Job:
    """A job that a work-horse has claimed, to launch it."""
    make(max_attempts=2)
    job = services.claims.claim("default", lease, fresh=True)
    assert job is not None
    return job


@pytest.fixture
def launched(launches: Launches, claimed: Job, lease: UUID) -> Job:
    """A job that waits for its process."""
    launches.let_wait(claimed, lease, launches.open(claimed, HOLDER.host, 600))
    return claimed
