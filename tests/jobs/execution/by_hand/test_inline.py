import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from tests.jobs.conftest import Nothing
from tests.jobs.execution.conftest import Create, reports_everything
from webapp.db.engine import reading, writing
from webapp.jobs.execution.by_hand.inline import WorkerOnly
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs, leases
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_an_inline_run_starts_ahead_of_all_other_jobs(services: Services, create: Create) -> None:
    job = create(reports_everything)
    first = services.jobs.create_job("nothing", priority=900)
    services.queues.pause("default")
    done = services.run_inline(job.id)
    assert (done.id, done.status, done.parts) == (job.id, Status.WAITING, 1)
    assert services.jobs.get(first.id).status is Status.QUEUED
    assert services.queries.jobs.attempts(job.id)[0].worker.startswith("inline ")
    with reading(services.engine) as connection:
        assert connection.execute(select(leases.c.id)).all() == []


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.QUEUED}))
def test_only_a_queued_job_can_run_inline(services: Services, make: Create, status: Status) -> None:
    job = make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status=status.value))
    with pytest.raises(IllegalTransition, match=f"is {status} and cannot become running"):
        services.run_inline(job.id)
    assert services.jobs.get(job.id) == Job(**{**vars_of(job), "status": status})


def vars_of(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in job.__slots__}


def test_an_inline_run_respects_concurrency_limits(services: Services, create: Create, lease: UUID) -> None:
    services.queues.limit("default", 0)
    job = create(reports_everything)
    with pytest.raises(BadRequest, match="cannot start now"):
        services.run_inline(job.id)
    assert services.jobs.get(job.id) == job


def test_a_worker_only_job_can_neither_run_inline_nor_dry(services: Services, create: Create) -> None:
    job = create(reports_everything, worker_only=True)
    for refused in (lambda: services.run_inline(job.id), lambda: services.dry_run(job.id, print)):
        with pytest.raises(WorkerOnly, match="run only in a worker"):
            refused()
    assert services.jobs.get(job.id) == job


def test_a_record_only_or_missing_job_cannot_run_inline(services: Services, make: Create) -> None:
    with pytest.raises(BadRequest, match="record-only"):
        services.run_inline(make(dispatch=False).id)
    with pytest.raises(JobNotFound):
        services.run_inline(uuid4())
    with pytest.raises(JobNotFound):
        services.dry_run(uuid4(), print)


def test_ctrl_c_hands_the_job_back(services: Services, create: Create) -> None:
    def interrupted(job: JobContext, payload: Nothing) -> None:
        job.progress(10)
        raise KeyboardInterrupt

    job = create(interrupted)
    with pytest.raises(KeyboardInterrupt):
        services.run_inline(job.id)
    after = services.jobs.get(job.id)
    assert (after.status, after.lease_id) == (Status.QUEUED, None)
    assert services.queries.jobs.attempts(job.id)[0].outcome == "interrupted"


def test_an_inline_run_ends_when_its_lease_is_gone(services: Services, create: Create) -> None:
    services.settings = services.settings.model_copy(update={"lease_seconds": 2.0})

    def robbed(job: JobContext, payload: Nothing) -> None:
        for lease_id in services.leases.beats():
            services.leases.settle(lease_id, why="gone", hand_back=True)
        time.sleep(900)

    after = services.run_inline(create(robbed).id)
    assert after.status is Status.QUEUED
