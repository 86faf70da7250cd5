from collections.abc import Callable
from uuid import UUID

import pytest

from tests.jobs.conftest import LOCATION, Nothing, run_once
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import IllegalTransition, Job, Status
from webapp.services import Services

Run = Callable[..., Job]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.partitions]


def test_a_queued_job_is_stopped_at_once(make: Run, services: Services, people: Callable[[], UUID]) -> None:
    ana = people()
    stopped = services.jobs.cancel(make().id, by=ana)
    assert (stopped.status, stopped.cancel_kind) == (Status.CANCELLED, "before_start")
    assert stopped.finished_at is not None
    assert [(event.name, event.actor_id) for event in services.queries.jobs.timeline(stopped.id)][-1] == (
        "cancelled",
        ana,
    )
    assert not services.claims.has_claimable("default")


def test_thousands_of_queued_jobs_are_stopped_in_a_few_statements(services: Services) -> None:
    ids = services.jobs.create_many("nothing", [{}] * 2000)
    services.jobs.cancel_many(ids)
    assert {job.status for job in services.queries.all_jobs.newest(2000)} == {Status.CANCELLED}


def test_a_running_job_stops_at_its_next_report(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        services.jobs.cancel(job.id)
        job.save_state({"at": 3})
        job.message("too late")

    stopped = run(handler)
    assert (stopped.status, stopped.cancel_kind, stopped.state) == (Status.CANCELLED, "cooperative", {"at": 3})


def test_a_job_that_ended_before_the_stop_does_not_change(running: Run, services: Services) -> None:
    job = running()
    services.jobs.cancel(job.id)
    services.executor.run(job, LOCATION)
    assert services.jobs.get(job.id).status is Status.COMPLETED


def test_a_stopped_job_is_not_retried_automatically(run: Run, services: Services) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        services.jobs.cancel(job.id)
        raise ValueError("broken by the stop")

    assert run(handler, max_attempts=3).status is Status.CANCELLED


def test_stopping_a_root_stops_its_children(run: Run, services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        for _ in range(3):
            job.spawn("nothing")

    root = run(handler)
    run_once(services, "default", lease)
    services.jobs.cancel(root.id)
    ended = services.jobs.get(root.id)
    assert (ended.status, ended.parts_completed, ended.parts_cancelled) == (Status.CANCELLED, 1, 2)
    assert not services.claims.has_claimable("default")


def test_a_stopped_root_ends_with_its_last_running_child(run: Run, services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing")
        job.spawn("nothing")

    root = run(handler)
    child = services.claims.claim("default", lease, fresh=True)
    services.jobs.cancel(root.id)
    assert services.jobs.get(root.id).status is Status.WAITING
    services.executor.run(child, LOCATION)
    assert services.jobs.get(root.id).status is Status.CANCELLED


def test_an_ended_job_cannot_be_stopped(make: Run, services: Services, lease: UUID) -> None:
    job = make()
    run_once(services, "default", lease)
    with pytest.raises(IllegalTransition, match="is completed and cannot become cancelled"):
        services.jobs.cancel(job.id)
    assert services.jobs.get(job.id).status is Status.COMPLETED


def test_a_scheduled_retry_can_be_stopped(services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise ValueError("broken")

    services.registry.add(job_type("flaky", title="Flaky", max_attempts=3)(handler))
    job = services.jobs.create_job("flaky")
    assert run_once(services, "default", lease).status is Status.SCHEDULED
    assert services.jobs.cancel(job.id).status is Status.CANCELLED
