"""What becomes of a flow after a failure: the policies of edges, and the retry of the rest in order."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.jobs.flows.conftest import FAILED
from tests.jobs.row_invariants import broken, snapshot
from webapp.jobs.flows.flow import Flow
from webapp.jobs.lifecycle.delete import CannotBeDeleted
from webapp.jobs.model.job import Job
from webapp.services import Services

pytestmark = [pytest.mark.dialect, pytest.mark.usefixtures("database"), pytest.mark.partitions]
End = Callable[..., Job]
Statuses = Callable[[Flow], dict[str, str]]


def started(services: Services, on_failure: str) -> Flow:
    flow = Flow("Chain")
    flow.spawn("nothing", name="a")
    flow.spawn("nothing", name="b").after("a", on_failure=on_failure)
    flow.spawn("nothing", name="c").after("b")
    services.jobs.start_flow(flow)
    return flow


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [("cancel", ("cancelled", "cancelled")), ("run", ("queued", "held")), ("wait", ("held", "held"))],
)
def test_an_edge_says_what_follows_a_failure(
    services: Services, end: End, statuses: Statuses, on_failure: str, expected: tuple[str, str]
) -> None:
    flow = started(services, on_failure)
    end(flow.jobs[0].id, FAILED)
    assert tuple(statuses(flow).values()) == ("failed", *expected)
    assert broken(snapshot(services.engine)) == []


def test_a_job_that_waits_goes_on_when_the_failed_one_is_retried(
    services: Services, end: End, statuses: Statuses
) -> None:
    flow = started(services, "wait")
    first: Any = flow.jobs[0].id
    end(first, FAILED)
    services.jobs.retry(first)
    end(first)
    assert statuses(flow) == {"a": "completed", "b": "queued", "c": "held"}


def retry(services: Services, flow: Flow) -> None:
    services.jobs.retry_flow([each.id for each in flow.jobs if each.id])


def test_a_retry_of_a_flow_keeps_its_order(services: Services, end: End, statuses: Statuses) -> None:
    flow = started(services, "cancel")
    end(flow.jobs[0].id, FAILED)
    retry(services, flow)
    assert statuses(flow) == {"a": "queued", "b": "held", "c": "held"}
    assert broken(snapshot(services.engine)) == []
    for each in flow.jobs:
        end(each.id)
    assert set(statuses(flow).values()) == {"completed"}


def test_what_ran_despite_a_failure_runs_again_after_it(services: Services, end: End, statuses: Statuses) -> None:
    flow = started(services, "run")
    end(flow.jobs[0].id, FAILED)
    end(flow.jobs[1].id, FAILED)
    retry(services, flow)
    assert statuses(flow) == {"a": "queued", "b": "held", "c": "held"}
    assert services.jobs.get(flow.jobs[1].id).started_at is None  # type: ignore[arg-type]


def test_what_follows_a_job_that_cannot_run_again_is_skipped(services: Services, end: End, statuses: Statuses) -> None:
    flow = Flow("Keyed")
    flow.spawn("nothing", name="a", unique_key="stock")
    flow.spawn("nothing", name="b").after("a")
    services.jobs.start_flow(flow)
    end(flow.jobs[0].id, FAILED)
    services.jobs.create_job("nothing", unique_key="stock")
    retry(services, flow)
    assert statuses(flow) == {"a": "failed", "b": "cancelled"}


def test_a_stopped_flow_can_be_retried(services: Services, diamond: Flow, end: End, statuses: Statuses) -> None:
    end(diamond.jobs[0].id)
    services.jobs.cancel_many([each.id for each in diamond.jobs if each.id])
    retry(services, diamond)
    assert statuses(diamond) == {"first": "completed", "left": "queued", "right": "queued", "last": "held"}


def test_a_job_is_not_deleted_while_others_follow_it(services: Services, diamond: Flow, end: End) -> None:
    first: Any = diamond.jobs[0].id
    end(first)
    with pytest.raises(CannotBeDeleted, match=r"jobs that follow it have not ended\. Stop them first\."):
        services.jobs.delete(first)
    services.jobs.cancel_many([each.id for each in diamond.jobs if each.id])
    services.jobs.delete(first)
