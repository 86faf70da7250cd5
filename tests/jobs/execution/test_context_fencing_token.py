from collections.abc import Callable

import pytest

from tests.jobs.conftest import Nothing
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_the_fencing_token_is_the_fence_of_the_attempt(services: Services, run: Callable[..., Job]) -> None:
    tokens: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        tokens.append(job.fencing_token)

    job = run(handler)
    assert (job.status, tokens) == (Status.COMPLETED, [job.attempt])
