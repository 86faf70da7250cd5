"""Every verb in every status: the legal ones work, the others say a sentence and write nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from tests.jobs.lifecycle_world import ENDINGS, World
from tests.jobs.row_invariants import broken, snapshot
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.model.job import IllegalTransition, Job, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
VERBS: dict[str, Callable[[Services, Job], object]] = {
    "cancel": lambda services, job: services.jobs.cancel(job.id),
    "retry": lambda services, job: services.jobs.retry(job.id),
    "run again": lambda services, job: services.jobs.run_again(job.id),
    "prioritise": lambda services, job: services.admin_jobs.set_priority(job.id, 200),
    "delete": lambda services, job: services.jobs.delete(job.id),
}
LEGAL = {
    "cancel": "held scheduled queued running waiting",
    "retry": "failed cancelled stale",
    "run again": "held scheduled queued running waiting completed failed cancelled stale",
    "prioritise": "held scheduled queued",
    "delete": "completed failed cancelled stale",
}
# Written out again; by this way a job without parts never waits
CHANGES = {
    "held": "queued scheduled cancelled failed",
    "scheduled": "queued cancelled",
    "queued": "running cancelled failed",
    "running": "completed failed cancelled stale scheduled queued",
    "waiting": "completed failed cancelled stale",
    "failed": "queued",
    "cancelled": "queued",
    "stale": "queued",
    "completed": "",
}


@pytest.fixture
def job_in(services: Services) -> Callable[[Status], Job]:
    """Bring a job into a status as it comes there in real life."""
    world, jobs = World(services), services.jobs

    def job_in(status: Status) -> Job:
        first = jobs.create_job("nothing").id if status is Status.HELD else None
        delay = timedelta(hours=1) if status is Status.SCHEDULED else None
        made = jobs.create_job("nothing", delay=delay, after=[first] if first else ())
        if made.status is not status:
            _go_on(world, world.claim() or made, status)
        return jobs.get(made.id)

    return job_in


def _go_on(world: World, claimed: Job, status: Status) -> None:
    if status is Status.WAITING:
        world.spawn(claimed, [None])
        world.end(claimed, ENDINGS[0])
    elif status is Status.STALE:
        world.settle(claimed, worker_gone=True)
    elif status is not Status.RUNNING:
        world.end(claimed, next(ending for ending in ENDINGS if ending.status is status))


@pytest.mark.parametrize(("status", "verb"), list(product(Status, VERBS)))
def test_a_verb_works_in_its_statuses_only(
    services: Services, job_in: Callable[[Status], Job], status: Status, verb: str
) -> None:
    job = job_in(status)
    assert job.status is status
    before = snapshot(services.engine)
    if status.value in LEGAL[verb].split():
        VERBS[verb](services, job)
        assert snapshot(services.engine) != before
        assert broken(snapshot(services.engine)) == []
        return
    with pytest.raises((IllegalTransition, BadRequest), match=rf"^Job {job.short_id} .*\.$"):
        VERBS[verb](services, job)
    assert snapshot(services.engine) == before


@pytest.mark.parametrize("status", Status)
def test_a_change_moves_a_job_along_the_table_only(
    services: Services, job_in: Callable[[Status], Job], status: Status
) -> None:
    for new in set(Status) - {status} - set(CHANGES[status].split()):
        job = job_in(status)
        before = snapshot(services.engine)
        with pytest.raises(IllegalTransition, match=rf"^Job {job.short_id} is {status} and cannot become {new}\.$"):
            services.jobs.change(job.id, lambda job, new=new: replace(job, status=new))
        assert snapshot(services.engine) == before
        _be_done_with(services, job)
    for legal in CHANGES[status].split():
        job = job_in(status)
        services.jobs.change(job.id, lambda job, legal=legal: replace(job, status=Status(legal)))
        assert services.jobs.get(job.id).status == legal
        _be_done_with(services, job)


def _be_done_with(services: Services, job: Job) -> None:
    """So that the next one is claimed, and not one of the old ones."""
    services.jobs.cancel_many([one.id for one in services.queries.all_jobs.newest(100)])
