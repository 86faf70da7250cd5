"""A handler that has seen a stop has not completed, however it returns."""

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.installation import wait_for
from tests.jobs.conftest import Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status
from webapp.schema import jobs, now
from webapp.services import Services

Run = Callable[..., Job]


def request_stop(services: Services, job: JobContext) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(cancel_requested_at=now()))


def return_when_stopped(job: JobContext) -> None:
    wait_for(lambda: job.stop_requested)


def swallow_the_stop(job: JobContext) -> None:
    with contextlib.suppress(BaseException):
        for _ in job.track(iter(int, 1)):
            pass


def swallow_it_in_a_report(job: JobContext) -> None:
    wait_for(lambda: job._reporter.stop is not None)
    with contextlib.suppress(BaseException):
        job.message("on")


@pytest.mark.parametrize("stops", [return_when_stopped, swallow_the_stop, swallow_it_in_a_report])
@pytest.mark.parametrize("result", [None, True, False])
def test_a_handler_that_returns_because_of_a_stop_is_cancelled(
    services: Services, run: Run, stops: Callable[[JobContext], None], result: object
) -> None:
    def handler(job: JobContext, payload: Nothing) -> object:
        job.progress(30)
        request_stop(services, job)
        stops(job)
        return result

    job = run(handler)
    assert (job.status, job.cancel_kind, job.errors) == (Status.CANCELLED, "cooperative", ())
    assert job.progress < 100


def test_dependents_on_success_do_not_run_after_such_a_stop(
    services: Services, run: Run, make: Callable[..., Job], database: str
) -> None:
    dependents: list[UUID] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        dependents.append(job.after("nothing"))
        dependents.append(job.after("nothing", on_finish=True))
        job.spawn("nothing")
        request_stop(services, job)
        return_when_stopped(job)

    job = run(handler)
    assert [services.jobs.get(each).status for each in dependents] == [Status.CANCELLED, Status.QUEUED]
    assert job.parts == 0


def test_a_handler_that_did_not_look_completes(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        assert not job.stop_requested
        request_stop(services, job)

    assert run(handler).status is Status.COMPLETED


def test_a_handler_that_returns_because_its_worker_stops_is_handed_back(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        services.executor.interrupt()
        assert job.stop_requested

    job = run(handler)
    assert (job.status, job.attempt) == (Status.QUEUED, 1)


def test_the_end_of_a_slice_cannot_be_swallowed(services: Services, run: Run, lease: UUID) -> None:
    services.executor._memory = 1  # bytes, so every slice ends after one item
    seen: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        with contextlib.suppress(BaseException):
            seen.extend(job.batches(lambda start, count: range(start, start + count), 3))

    job = run(handler)
    ends: list[Any] = [job.status]
    while job.status is Status.QUEUED:
        job = run_once(services, "default", lease)
        ends.append(job.status)
    assert ends == [Status.QUEUED, Status.QUEUED, Status.COMPLETED]
    assert seen == [0, 1, 2]
