"""A manual start: any status becomes claimable in the transaction of the claim, or nothing changes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from tests.jobs.conftest import HOLDER, Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle.manual_start import ManualStart
from webapp.jobs.lifecycle.retry import RootHasEnded
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, Status
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def claim(services: Services, job: Job) -> Job | None:
    lease_id = services.leases.open(HOLDER, job.queue)
    manual_start = ManualStart(services.jobs.store, services.registry, services.files, services.vault)
    return services.claims.claim_one(job.id, job.queue, lease_id, manual_start.make_claimable)


def set_status(services: Services, job: Job, status: Status) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status.value))


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.STALE, Status.SCHEDULED, Status.HELD])
def test_a_job_that_cannot_be_claimed_keeps_its_status(services: Services, make: Make, status: Status) -> None:
    job = make()
    set_status(services, job, status)
    services.queues.limit("default", 0)
    assert claim(services, job) is None
    assert services.jobs.get(job.id).status is status
    services.queues.limit("default", None)
    claimed = claim(services, job)
    assert (claimed.id, claimed.status) == (job.id, Status.RUNNING)


def test_two_starts_claim_a_job_once(services: Services, make: Make) -> None:
    job = make()
    set_status(services, job, Status.FAILED)

    def start(_: int) -> object:
        try:
            return claim(services, job)
        except IllegalTransition as refused:
            return refused

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(start, range(4)))
    assert len([result for result in results if isinstance(result, Job)]) == 1
    assert services.jobs.get(job.id).attempt == 1


@pytest.mark.parametrize("status", [Status.RUNNING, Status.WAITING])
def test_a_job_that_runs_is_refused(services: Services, make: Make, status: Status) -> None:
    job = make()
    set_status(services, job, status)
    with pytest.raises(IllegalTransition, match=f"is {status}"):
        claim(services, job)


def test_a_job_of_a_disabled_type_is_refused(services: Services, make: Make) -> None:
    job = make()
    services.disabled_types.disable("nothing", reason="broken")
    with pytest.raises(TypeDisabled):
        claim(services, job)


def test_a_job_that_waits_for_a_unique_key_is_refused(services: Services, make: Make) -> None:
    make(unique_key="only")
    second = make(unique_key="only", on_duplicate="queue_after")
    with pytest.raises(BadRequest, match="the unique key 'only'"):
        claim(services, second)
    assert services.jobs.get(second.id) == second


def test_a_job_that_waits_for_another_starts_and_its_predecessor_changes_nothing(
    services: Services, make: Make, lease: UUID
) -> None:
    first = make()
    second = make(after=[first.id])
    assert claim(services, second).status is Status.RUNNING
    assert run_once(services, "default", lease).status is Status.COMPLETED
    assert services.jobs.get(second.id).status is Status.RUNNING


def test_a_root_whose_handler_has_returned_has_only_children_to_retry(
    services: Services, make: Make, lease: UUID
) -> None:
    def root(job: JobContext, payload: Nothing) -> None:
        job.spawn("fails")

    def fails(job: JobContext, payload: Nothing) -> bool:
        return False

    services.registry.add(job_type("root", title="Root")(root))
    services.registry.add(job_type("fails", title="Fails")(fails))
    job = services.jobs.create_job("root")
    assert [run_once(services, "default", lease).status for _ in range(2)] == [Status.WAITING, Status.FAILED]
    job = services.jobs.get(job.id)
    assert job.status is Status.FAILED
    with pytest.raises(IllegalTransition):
        claim(services, job)
    assert services.jobs.get(job.id) == job, "nothing was retried"
    (child,) = services.queries.related.children(job.id)
    assert claim(services, child).status is Status.RUNNING
    assert services.jobs.get(job.id).status is Status.WAITING


class Letter(BaseModel):
    file: Upload


def test_a_completed_job_is_copied_with_its_files(services: Services, lease: UUID) -> None:
    def read(job: JobContext, payload: Letter) -> None:
        with job.inputs["file"].open() as file:
            assert file.read() == b"dear"

    services.registry.add(job_type("letter", title="Letter", unique_key="letter")(read))
    file = services.files.receive(BytesIO(b"dear"), "letter.txt")
    job = services.jobs.create_job("letter", files={"file": file})
    assert run_once(services, "default", lease).status is Status.COMPLETED
    copy = claim(services, job)
    assert (copy.again_of, copy.status, copy.type) == (job.id, Status.RUNNING, "letter")
    assert [file.name for file in services.jobs.attachments(copy.id)] == ["letter.txt"]
    with pytest.raises(DuplicateJob):
        claim(services, job)


def test_a_child_whose_root_is_done_is_refused(services: Services, make: Make, lease: UUID) -> None:
    root = services.jobs.create_job("nothing", tolerant=True)
    child = services.jobs.create_child_job(root.id, "nothing")
    for job, status in ((root, Status.COMPLETED), (child, Status.FAILED)):
        set_status(services, job, status)
    with pytest.raises(RootHasEnded):
        claim(services, services.jobs.get(child.id))
