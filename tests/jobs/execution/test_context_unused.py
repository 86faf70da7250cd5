"""Calls that only prepare work: a job says so if nothing used what they returned."""

import re
from collections.abc import Callable

import pytest

from tests.jobs.conftest import Nothing
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status

Run = Callable[..., Job]
UNUSED: dict[str, Callable[[JobContext], object]] = {
    "track": lambda job: job.track([1, 2]),
    "batches": lambda job: job.batches(lambda start, count: [1], 1),
    "open_attachment": lambda job: job.open_attachment("result.txt"),
}


@pytest.mark.parametrize("name", UNUSED)
def test_work_that_was_prepared_and_never_begun_is_a_warning(run: Run, name: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        for _ in range(3):
            UNUSED[name](job)

    job = run(handler)
    assert job.status is Status.COMPLETED
    (warning,) = job.warnings
    place = rf"{name} \(test_context_unused\.py:\d+\)"
    assert re.fullmatch(
        rf"job\.{place} was called, but its result was never used, so it did nothing\.", warning["text"]
    )


def test_work_that_was_begun_is_no_warning(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        for _ in job.track([1, 2]):
            break
        assert list(job.batches(lambda start, count: [1], 1)) == [1]
        with job.open_attachment("result.txt") as file:
            file.write(b"x")

    assert run(handler).warnings == ()


def test_nothing_to_do_is_no_warning(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.track([])
        job.batches(lambda start, count: [], 0)

    assert run(handler).warnings == ()
