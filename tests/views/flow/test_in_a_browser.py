"""The page of a flow in a real browser: it follows the flow by itself, and works without JavaScript on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from webapp.accounts.user import User
from webapp.jobs.flows.flow import Flow
from webapp.jobs.model.job import Owner
from webapp.services import Services

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture
def flow(services: Services, user: User) -> Flow:
    flow = Flow("Month end")
    first = flow.spawn("job_history_export", {"format": "csv"}, name="export")
    flow.spawn("job_history_export", {"format": "csv"}, name="archive").after(first)
    services.jobs.start_flow(flow, owner=Owner(user_id=user.id), triggered_by=user.id)
    return flow


def test_the_graph_follows_the_flow(open_page: Open, user: User, services: Services, flow: Flow) -> None:
    page = open_page(user)
    page.goto(f"/flows/{flow.id}")
    archive = page.locator(".graph__node").nth(1)
    expect(archive).to_contain_text("Waits for others")
    services.jobs.cancel(flow.jobs[0].id)  # type: ignore[arg-type]
    expect(archive).to_contain_text("Stopped")
    archive.click()
    page.wait_for_url(f"**/jobs/{flow.jobs[1].id}")
    page.get_by_role("link", name="Month end").click()
    expect(page.get_by_role("heading", name="Month end")).to_be_visible()


def test_a_flow_is_stopped_and_retried_without_javascript_on_a_phone(open_page: Open, user: User, flow: Flow) -> None:
    page = open_page(user, java_script_enabled=False, viewport={"width": 390, "height": 800})
    page.goto(f"/flows/{flow.id}")
    page.get_by_role("link", name="Stop the rest…").click()
    page.get_by_role("button", name="Stop the rest").click()
    expect(page.get_by_text("2 jobs were stopped or will stop.")).to_be_visible()
    page.get_by_role("link", name="Retry the rest…").click()
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#flow-table")).to_contain_text("Waits for others")
