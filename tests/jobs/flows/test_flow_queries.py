"""Reading flows: who sees them, their status, and what is left when jobs were deleted."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.jobs.flows.conftest import FAILED
from webapp.jobs.flows.flow import Flow, FlowEdge, OnFailure
from webapp.jobs.flows.flow_queries import FlowNotFound
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.schema import flows
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
ANNA, BEN = UUID(int=1), UUID(int=2)
End = Callable[..., Job]


@pytest.fixture
def flow(services: Services) -> Flow:
    flow = Flow("Two")
    flow.spawn("nothing", name="b").after("a", on_failure="wait")
    flow.spawn("nothing", name="a")
    services.jobs.start_flow(flow, owner=Owner(user_id=ANNA))
    return flow


def test_a_flow_is_read_as_it_was_described(services: Services, flow: Flow) -> None:
    found = services.queries.flows.get_visible(Viewer(user_id=ANNA), flow.id)  # type: ignore[arg-type]
    assert [member.name for member in found.members] == ["b", "a"]
    assert found.edges == (FlowEdge("a", "b", OnFailure.WAIT),)
    assert (found.title, found.status, found.progress) == ("Two", Status.QUEUED, 0.0)


def test_only_those_who_see_its_jobs_see_a_flow(services: Services, flow: Flow) -> None:
    for viewer, flow_id in ((Viewer(user_id=BEN), flow.id), (Viewer(user_id=ANNA), uuid4())):
        with pytest.raises(FlowNotFound):
            services.queries.flows.get_visible(viewer, flow_id)  # type: ignore[arg-type]
    assert services.queries.flows.get_visible(Viewer(user_id=BEN, sees_all=True), flow.id)  # type: ignore[arg-type]


def test_a_job_names_its_flow(services: Services, flow: Flow, make: Callable[..., Job]) -> None:
    found = services.queries.flows.of_job(flow.jobs[1].id)  # type: ignore[arg-type]
    assert found is not None
    assert (found.id, found.title, found.name) == (flow.id, "Two", "a")
    assert services.queries.flows.of_job(make().id) is None


def test_an_ended_flow_has_the_worst_status(services: Services, diamond: Flow, end: End) -> None:
    first, left, right, _last = (each.id for each in diamond.jobs)
    read = services.queries.flows.get
    end(first)
    assert read(diamond.id).status is Status.RUNNING  # type: ignore[arg-type]
    end(left, FAILED)
    end(right)
    assert read(diamond.id).status is Status.FAILED  # type: ignore[arg-type]


def test_the_list_counts_the_jobs_of_each_flow(services: Services, flow: Flow, diamond: Flow, end: End) -> None:
    end(diamond.jobs[0].id)
    everybodys = services.queries.flows.newest(Viewer(user_id=BEN, sees_all=True), limit=10)
    assert [each.id for each in everybodys] == [diamond.id, flow.id]
    assert everybodys[0].counts == {Status.COMPLETED: 1, Status.QUEUED: 2, Status.HELD: 1}
    assert (everybodys[0].status, everybodys[1].status) == (Status.RUNNING, Status.QUEUED)
    assert [each.id for each in services.queries.flows.newest(Viewer(user_id=ANNA), limit=10)] == [flow.id]
    assert services.queries.flows.newest(Viewer(user_id=BEN), limit=10) == ()


def test_a_flow_without_some_of_its_jobs_is_shown_without_them(services: Services, diamond: Flow, end: End) -> None:
    for each in diamond.jobs:
        end(each.id)
    services.jobs.delete(diamond.jobs[1].id)  # type: ignore[arg-type]
    found = services.queries.flows.get(diamond.id)  # type: ignore[arg-type]
    assert [member.name for member in found.members] == ["first", "right", "last"]
    assert [(edge.before, edge.after) for edge in found.edges] == [("first", "right"), ("right", "last")]


def test_a_flow_is_deleted_with_its_last_job(services: Services, diamond: Flow, end: End) -> None:
    services.jobs.cancel_many([each.id for each in diamond.jobs if each.id])
    services.jobs.delete_many([each.id for each in diamond.jobs if each.id])
    with services.engine.connect() as connection:
        assert connection.execute(select(flows)).all() == []
