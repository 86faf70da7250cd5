"""A job asks in the middle: its owner answers in a browser with and without script, and it goes on."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.browser import CALM
from tests.journeys.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.exhaustive]


@pytest.fixture(scope="module")
def own_settings() -> dict[str, str]:
    return {"DESKJOB_JOBTYPES": "webapp.demo.order_check"}


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(request: pytest.FixtureRequest, browser: Chromium, deskjob: str) -> Iterator[Page]:
    context = browser.new_context(base_url=deskjob, java_script_enabled=request.param, **CALM)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    yield page
    context.close()


def test_a_job_goes_on_with_the_answer_of_its_owner(page: Page) -> None:
    page.goto("/jobs/new/order_check")
    page.get_by_label("Month").fill("2026-11")
    page.get_by_role("button", name="Start the job").click()
    until_shown(page, "Waits for your answer")
    page.get_by_role("link", name="Questions").click()
    page.get_by_role("link", name="rows have no customer").last.click()
    page.get_by_role("textbox", name="Customer").fill("Northwind Traders")
    page.get_by_role("button", name="Send the answer").click()  # the browser or the page asks for the other field
    page.get_by_label("Assign them to one customer").check()
    page.get_by_role("button", name="Send the answer").click()
    until_shown(page, "Done")
    expect(page.locator("#answers")).to_contain_text("Northwind Traders")
    expect(page.get_by_role("link", name="orders.txt").first).to_be_visible()


def until_shown(page: Page, words: str) -> None:
    """Open the page again until it shows words: without script, it does not refresh itself."""
    while words not in page.locator("main").inner_text():
        page.wait_for_timeout(300)
        page.reload()
