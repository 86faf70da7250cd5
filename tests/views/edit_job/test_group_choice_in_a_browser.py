"""Share a job in a dialog of a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import violations
from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

pytestmark = pytest.mark.browser


def test_a_job_is_shared_and_taken_back_in_a_dialog(
    page: Page, user: User, put: Callable[..., Job], services: Services
) -> None:
    services.user_groups.add_member(services.user_groups.add("Finance"), user.id)
    job = put(Status.COMPLETED)
    page.goto(f"/jobs/{job.id}")
    page.get_by_role("link", name="Share…").click()
    dialog = page.locator("dialog[data-modal]")
    expect(dialog.get_by_label("Group")).to_be_focused()
    assert violations(page) == []
    dialog.get_by_role("button", name="Back").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("link", name="Share…").click()
    dialog.get_by_label("Group").select_option("Finance")
    dialog.get_by_role("button", name="Share job").click()
    expect(page.locator("#job-tags")).to_contain_text("Shared with Finance")
    assert services.jobs.get(job.id).shared_with == "Finance"
    page.get_by_role("link", name="Change sharing…").click()
    dialog.get_by_label("Group").select_option("Not shared")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#job-tags")).not_to_contain_text("Shared with")
    assert services.jobs.get(job.id).shared_with is None
