"""Every operation in every status: legal ones work, the others raise an error and write nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from tests.jobs.lifecycle_world import ENDINGS, World
from tests.jobs.row_invariants import broken, snapshot
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
OPERATIONS: dict[str, Callable[[Services, Job], object]] = {
    "cancel": lambda services, job: services.jobs.cancel(job.id),
    "retry": lambda services, job: services.jobs.retry(job.id),
    "run again": lambda services, job: services.jobs.run_again(job.id),
    "set priority": lambda services, job: services.admin_jobs.set_priority(job.id, 200),
    "delete": lambda services, job: services.jobs.delete(job.id),
}
LEGAL = {
    "cancel": "held scheduled queued running waiting",
    "retry": "failed cancelled stale",
    "run again": "held scheduled queued running waiting completed failed cancelled stale",
    "set priority": "held scheduled queued",
    "delete": "completed failed cancelled stale",
}
# Written out again; only the end of an attempt makes a job wait, and only its children end that
CHANGES = {
    "held": "queued scheduled cancelled failed",
    "scheduled": "queued cancelled",
    "queued": "running scheduled cancelled failed",
    "running": "completed failed cancelled stale scheduled queued",
    "waiting": "",
    "failed": "queued",
    "cancelled": "queued",
    "stale": "queued",
    "completed": "",
}


@pytest.fixture
def job_in(services: Services) -> Callable[[Status], Job]:
    """Return a job that has reached a status in the usual way."""
    world, jobs = World(services), services.jobs

    def job_in(status: Status) -> Job:
        first = jobs.create_job("nothing").id if status is Status.HELD else None
        delay = timedelta(hours=1) if status is Status.SCHEDULED else None
        made = jobs.create_job("nothing", delay=delay, after=[first] if first else ())
        if made.status is not status:
            _continue(world, world.claim() or made, status)
        return jobs.get(made.id)

    return job_in


def _continue(world: World, claimed: Job, status: Status) -> None:
    if status is Status.WAITING:
        world.spawn(claimed, [None])
        world.end(claimed, ENDINGS[0])
    elif status is Status.STALE:
        world.settle(claimed, worker_gone=True)
    elif status is not Status.RUNNING:
        world.end(claimed, next(ending for ending in ENDINGS if ending.status is status))


@pytest.mark.parametrize(("status", "operation"), list(product(Status, OPERATIONS)))
def test_an_operation_works_only_in_its_statuses(
    services: Services, job_in: Callable[[Status], Job], status: Status, operation: str
) -> None:
    job = job_in(status)
    assert job.status is status
    before = snapshot(services.engine)
    if status.value in LEGAL[operation].split():
        OPERATIONS[operation](services, job)
        assert snapshot(services.engine) != before
        assert broken(snapshot(services.engine)) == []
        return
    with pytest.raises((IllegalTransition, BadRequest), match=rf"^Job {job.short_id} .*\.$"):
        OPERATIONS[operation](services, job)
    assert snapshot(services.engine) == before


@pytest.mark.parametrize("status", Status)
def test_a_change_follows_the_table_of_moves(
    services: Services, job_in: Callable[[Status], Job], status: Status
) -> None:
    for new in set(Status) - {status} - set(CHANGES[status].split()):
        job = job_in(status)
        before = snapshot(services.engine)
        with pytest.raises(IllegalTransition, match=rf"^Job {job.short_id} is {status} and cannot become {new}\.$"):
            services.jobs.change(job.id, lambda job, new=new: replace(job, status=new))
        assert snapshot(services.engine) == before
        _stop_all(services, job)
    for legal in CHANGES[status].split():
        job = job_in(status)
        services.jobs.change(job.id, lambda job, legal=legal: replace(job, status=Status(legal)))
        assert services.jobs.get(job.id).status == legal
        _stop_all(services, job)


def _stop_all(services: Services, job: Job) -> None:
    """Stop all jobs, so that the next one is claimed and not an old one."""
    services.jobs.cancel_many([job.id for job in services.queries.all_jobs.newest(100)])
