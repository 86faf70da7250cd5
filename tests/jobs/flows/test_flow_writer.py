"""Starting flows: whole or not at all, once for each key, with as many statements for many jobs as for few."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from tests.jobs.conftest import end as end_attempt
from tests.jobs.statements import recorded
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.flows.flow import MOST_JOBS, Flow, InvalidFlow
from webapp.jobs.model.job import BadRequest, Job, Owner, Status
from webapp.jobs.store.fence import LeaseLost
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import flow_jobs, flows, jobs
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.usefixtures("database"), pytest.mark.partitions]
OWNER = Owner(user_id=UUID(int=5))


class Row(BaseModel):
    """A payload with a number."""

    row: int = Field(title="Row", ge=0)


def written(services: Services) -> tuple[int, ...]:
    with services.engine.connect() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(t)).scalar_one() for t in (flows, jobs, flow_jobs)
        )


def test_a_flow_is_created_whole(services: Services, diamond: Flow, statuses: Callable[..., Any]) -> None:
    assert statuses(diamond) == {"first": "queued", "left": "held", "right": "held", "last": "held"}
    assert written(services) == (1, 4, 4)
    assert services.jobs.get(diamond.jobs[0].id).has_dependents  # type: ignore[arg-type]


def test_the_jobs_have_the_owner_of_the_flow(services: Services) -> None:
    flow = Flow("Mine")
    flow.spawn("nothing", title="First", tags=["a"], run_at=datetime(2099, 1, 1, tzinfo=UTC))
    flow_id = services.jobs.start_flow(flow, owner=OWNER, triggered_by=OWNER.user_id)
    [member] = services.queries.flows.get(flow_id).members
    job = member.job
    assert (job.owner, job.triggered_by, job.title, job.tags) == (OWNER, OWNER.user_id, "First", ("a",))
    assert job.status is Status.SCHEDULED


def test_only_jobs_that_can_start_wake_workers(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[tuple[str, int]] = []
    monkeypatch.setattr(services.jobs, "_wake", lambda queue, rows=1: woken.append((queue, rows)))
    flow = Flow("Two at once")
    first = [flow.spawn("nothing", name=name) for name in "ab"]
    flow.spawn("nothing", name="c").after(*first)
    services.jobs.start_flow(flow)
    assert woken == [("default", 2)]


def test_a_request_key_starts_one_flow(services: Services) -> None:
    def describe() -> Flow:
        flow = Flow("Nightly")
        flow.spawn("nothing", name="a")
        return flow

    first, second = describe(), describe()
    assert services.jobs.start_flow(first, request_key="k") == services.jobs.start_flow(second, request_key="k")
    assert first.jobs[0].id == second.jobs[0].id
    assert written(services) == (1, 1, 1)


def refused(flow: Flow, services: Services) -> InvalidFlow:
    before = written(services)
    with pytest.raises(InvalidFlow) as error:
        services.jobs.start_flow(flow)
    assert written(services) == before
    return error.value


def test_a_payload_that_does_not_fit_names_its_job(services: Services) -> None:
    services.registry.add(job_type("row", title="Row")(_row))
    flow = Flow("Bad")
    flow.spawn("nothing")
    flow.spawn("row", {"row": -1}, name="second")
    error = refused(flow, services)
    assert error.place == ("jobs", 1, "payload")
    assert list(error.errors) == ["row"]
    assert "“second”" in str(error)


def test_what_a_job_cannot_be_is_refused_with_its_name(services: Services) -> None:
    for name, choices, place in (
        ("unknown", {}, ("jobs", 0, "type")),
        ("nothing", {"queue": "nowhere"}, ("jobs", 0, "queue")),
        ("nothing", {"colour": "red"}, ("jobs", 0)),
        ("nothing", {"priority": "high"}, ("jobs", 0)),
    ):
        flow = Flow("Bad")
        flow.spawn(name, name="odd", **choices)
        error = refused(flow, services)
        assert error.place == place
        assert "“odd”" in str(error)


def test_two_jobs_cannot_have_the_same_unique_key(services: Services) -> None:
    flow = Flow("Bad")
    for name in "ab":
        flow.spawn("nothing", name=name, unique_key="stock")
    assert "have the same unique key" in str(refused(flow, services))


def test_a_key_that_is_held_refuses_the_whole_flow(services: Services) -> None:
    services.jobs.create_job("nothing", unique_key="stock")
    flow = Flow("Bad")
    flow.spawn("nothing", name="a")
    flow.spawn("nothing", name="b", unique_key="stock").after("a")
    with pytest.raises(DuplicateJob):
        services.jobs.start_flow(flow)
    assert written(services) == (0, 1, 0)


def test_a_disabled_type_refuses_the_whole_flow(services: Services) -> None:
    services.disabled_types.disable("nothing")
    flow = Flow("Bad")
    flow.spawn("nothing")
    with pytest.raises(TypeDisabled):
        services.jobs.start_flow(flow)
    assert written(services) == (0, 0, 0)


def test_only_flows_can_be_started(services: Services) -> None:
    with pytest.raises(BadRequest, match="flow must be a Flow, not 7"):
        services.jobs.start_flow(7)  # type: ignore[arg-type]


def test_as_many_statements_for_many_jobs_as_for_few(services: Services) -> None:
    def describe(count: int) -> Flow:
        flow = Flow("Wide")
        first = flow.spawn("nothing", name="first", title="First")
        rest = [flow.spawn("nothing", name=str(number)).after(first) for number in range(count - 2)]
        flow.spawn("nothing", name="last", title="Last").after(*rest)
        return flow

    with recorded(services.engine) as few:
        services.jobs.start_flow(describe(5))
    with recorded(services.engine) as many:
        services.jobs.start_flow(describe(MOST_JOBS))
    assert len(many) == len(few)


def test_a_handler_starts_a_flow_once(services: Services, running: Callable[..., Job]) -> None:
    def describe() -> Flow:
        flow = Flow("Steps")
        flow.spawn("nothing", name="a")
        return flow

    job, first, second = running(owner=OWNER), describe(), describe()
    assert services.jobs.start_flow_of(job, first) == services.jobs.start_flow_of(job, second)
    started = services.queries.flows.get(first.id)  # type: ignore[arg-type]
    assert (started.started_by_job, started.owner_id) == (job.id, OWNER.user_id)
    assert len(started.members) == 1
    end_attempt(services, job)
    services.jobs.delete(job.id)
    assert services.queries.flows.get(first.id).started_by_job is None  # type: ignore[arg-type]


def test_an_attempt_that_lost_its_job_starts_no_flow(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    assert job.lease_id
    services.leases.settle(job.lease_id, why="Gone.", hand_back=True)
    flow = Flow("Late")
    flow.spawn("nothing")
    with pytest.raises(LeaseLost):
        services.jobs.start_flow_of(job, flow)
    assert written(services) == (0, 1, 0)


def _row(job: object, payload: Row) -> None:
    """Do nothing."""


def test_an_end_takes_as_many_statements_in_a_long_flow_as_in_a_short_one(
    services: Services, end: Callable[..., Job]
) -> None:
    def chain(length: int) -> Flow:
        flow = Flow("Chain")
        for number in range(length):
            flow.spawn("nothing", name=str(number)).after(*[str(number - 1)][: min(number, 1)])
        services.jobs.start_flow(flow)
        return flow

    counts = []
    for length in (3, 3, 30):  # the first one loads what is loaded once
        flow = chain(length)
        with recorded(services.engine) as sent:
            end(flow.jobs[0].id)
        counts.append(len(sent))
    assert counts[2] == counts[1]


@pytest.mark.dialect(both=True)
def test_of_two_requests_with_one_key_one_starts_the_flow(services: Services) -> None:
    def start(_number: int) -> UUID:
        flow = Flow("Once")
        for name in "abc":
            flow.spawn("nothing", name=name)
        return services.jobs.start_flow(flow, request_key="k")

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(start, range(4)))) == 1
    assert written(services) == (1, 3, 3)
