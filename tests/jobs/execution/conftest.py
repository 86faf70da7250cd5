"""Jobs with a handler of the test, and a handler that reports everything that a handler can."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.jobs.conftest import Nothing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job
from webapp.services import Services

Create = Callable[..., Job]


@pytest.fixture
def create(services: Services) -> Create:
    """Create a job with the given handler."""

    def create_job(handler: Callable[..., Any], payload: Any = None, **rules: Any) -> Job:
        services.registry.add(job_type("handled", title="Handled", replaces=True, **rules)(handler))
        return services.jobs.create_job("handled", payload)

    return create_job


def reports_everything(job: JobContext, payload: Nothing) -> None:
    job.progress(done=3, total=7, message="on")
    job.warn("odd")
    job.logger.info("a line")
    job.save_state({"row": 3})
    job.save_metadata({"a": 1})
    job.attach("a.txt", b"abc")
    with job.open_attachment("b.txt") as file:
        file.write(b"12345")
    assert job.step("count", lambda: (1, 2)) == [1, 2]
    assert job.step_in_transaction("note", lambda _connection: "noted") == "noted"
    job.spawn("nothing")
    job.after("nothing")
    with job.flow("Flow") as flow:
        flow.spawn("nothing", name="second").after("first")
        flow.spawn("nothing", name="first")
    assert len(job.predecessors) == 0
    assert list(job.track(range(3))) == [0, 1, 2]
    assert list(job.batches(lambda start, count: range(start, start + count), 5, size=2)) == [0, 1, 2, 3, 4]
