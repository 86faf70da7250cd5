"""The words of the page of a flow."""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from uuid_utils.compat import uuid7

from webapp.jobs.flows.flow import FlowEdge, OnFailure
from webapp.jobs.flows.flow_queries import FlowMember, StartedFlow
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.views.flow.flow_page import MOST_DRAWN, FlowPage, flow_page
from webapp.views.page.viewer_context import ViewerContext

ME = uuid7()


@pytest.fixture
def page_of(app: Flask) -> Callable[..., FlowPage]:
    """Describe a flow of jobs in these statuses, in which all others follow the first one."""

    def page_of(*statuses: Status, on_failure: OnFailure = OnFailure.CANCEL) -> FlowPage:
        members = [
            FlowMember(name=str(place), job=Job(id=uuid7(), type="t", title="T", status=each, owner=Owner(user_id=ME)))
            for place, each in enumerate(statuses)
        ]
        flow = StartedFlow(
            id=uuid7(),
            title="Flow",
            owner_id=ME,
            triggered_by=ME,
            started_by_job=None,
            created_at=datetime.now(UTC),
            members=tuple(members),
            edges=tuple(FlowEdge("0", member.name, on_failure) for member in members[1:]),
        )
        context = ViewerContext(policy=JobPolicy(user_id=ME), now=datetime.now(UTC), zone=ZoneInfo("UTC"))
        with app.test_request_context():
            return flow_page(flow, context)

    return page_of


def test_held_jobs_say_what_they_wait_for(page_of: Callable[..., FlowPage]) -> None:
    running = page_of(Status.RUNNING, Status.HELD, on_failure=OnFailure.WAIT)
    failed = page_of(Status.FAILED, Status.HELD, on_failure=OnFailure.WAIT)
    assert [page.rows[1].look.word for page in (running, failed)] == ["Waits for others", "Waits for a retry"]


def test_counts_leave_out_what_is_done(page_of: Callable[..., FlowPage]) -> None:
    page = page_of(Status.COMPLETED, Status.FAILED, Status.RUNNING, Status.RUNNING)
    assert (page.fact, page.counts) == ("1 of 4 jobs done", (("Failed", "1"), ("Running", "2")))


def test_rows_name_a_few_predecessors(page_of: Callable[..., FlowPage]) -> None:
    assert page_of(Status.RUNNING, Status.HELD).rows[1].follows == "0"


def test_a_large_flow_is_not_drawn(page_of: Callable[..., FlowPage]) -> None:
    assert page_of(*[Status.QUEUED] * MOST_DRAWN).layout is not None
    assert page_of(*[Status.QUEUED] * (MOST_DRAWN + 1)).layout is None
