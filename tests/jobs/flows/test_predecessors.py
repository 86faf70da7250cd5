"""What a handler reads of the jobs that its job follows."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.jobs.conftest import Nothing
from tests.jobs.statements import recorded
from webapp.jobs.execution.context import JobContext
from webapp.jobs.flows.flow import Flow
from webapp.jobs.flows.predecessors import NotAPredecessor, Predecessors, StoredPredecessors
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.usefixtures("database")]
Execute = Callable[..., Job]


@pytest.fixture
def flow(services: Services, execute: Execute) -> Flow:
    """A flow whose first job has left a result and a file."""
    flow = Flow("Results")
    flow.spawn("nothing", name="fetch")
    flow.spawn("nothing", name="other")
    flow.spawn("nothing", name="mail").after("fetch")
    services.jobs.start_flow(flow)

    def fetch(job: JobContext, payload: Nothing) -> None:
        job.save_metadata({"rows": 3})
        job.attach("rows.csv", "a,b\n")

    execute(flow.jobs[0].id, fetch)
    return flow


def test_a_job_reads_results_and_files_of_its_predecessors(services: Services, flow: Flow, execute: Execute) -> None:
    seen: dict[str, Any] = {}

    def mail(job: JobContext, payload: Nothing) -> None:
        seen["result"] = job.results_of("fetch")
        before = job.predecessors["fetch"]
        with before.files["rows.csv"].open() as file:
            seen["file"] = file.read()
        seen["names"], seen["status"] = list(job.predecessors), before.status
        with pytest.raises(NotAPredecessor) as refused:
            job.results_of("other")
        seen["refusal"] = str(refused.value)

    assert execute(flow.jobs[2].id, mail).status is Status.COMPLETED
    assert seen == {
        "result": {"rows": 3},
        "file": b"a,b\n",
        "names": ["fetch"],
        "status": Status.COMPLETED,
        "refusal": "This job does not follow a job “other”. It follows: fetch.",
    }


def test_a_job_reads_the_results_of_parts(services: Services, execute: Execute) -> None:
    flow = Flow("Parts")
    flow.spawn("nothing", name="all")
    flow.spawn("nothing", name="sum").after("all")
    services.jobs.start_flow(flow)

    def divide(job: JobContext, payload: Nothing) -> None:
        for name in "ab":
            job.spawn("nothing", name=name)

    def part(job: JobContext, payload: Nothing) -> None:
        job.save_metadata({"of": str(job.id)})

    execute(flow.jobs[0].id, divide)
    for child in services.queries.related.children(flow.jobs[0].id):  # type: ignore[arg-type]
        execute(child.id, part)
    seen: list[tuple[Any, ...]] = []

    def read(job: JobContext, payload: Nothing) -> None:
        seen.extend(
            (part.name, part.status, part.result["of"] == str(part.id)) for part in job.predecessors["all"].parts
        )

    execute(flow.jobs[1].id, read)
    assert seen == [("a", Status.COMPLETED, True), ("b", Status.COMPLETED, True)]


def test_nothing_is_read_before_somebody_asks_and_then_once(services: Services, flow: Flow) -> None:
    mail = services.jobs.get(flow.jobs[2].id)  # type: ignore[arg-type]
    with recorded(services.engine) as counted:
        found = Predecessors(StoredPredecessors(services.engine, mail, services.files))
        assert len(counted) == 0
        assert found["fetch"].result == found["fetch"].result == {"rows": 3}
        assert len(counted) == 1


def test_jobs_of_other_owners_are_not_read(services: Services, make: Callable[..., Job]) -> None:
    other = make(owner=Owner(user_id=UUID(int=9)))
    public = make(owner=Owner(public=True))
    mine = make(owner=Owner(user_id=UUID(int=1)), after=[other.id, public.id])
    found = StoredPredecessors(services.engine, mine, services.files).predecessors()
    assert [row.id for row in found] == [public.id]
