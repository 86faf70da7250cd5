"""How many clicks people need for what they come for; docs/walks.md has the same walks with pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, Page, expect

from tests.browser import CALM
from tests.journeys.conftest import PASSWORD, Browser
from webapp.notifications.channels.message import MessageWriter
from webapp.notifications.rule import Topic

AIRPORTS = Path(__file__).parent / "airports.csv"
ROWS = "3,376"  # of the table, as its report says
pytestmark = [pytest.mark.browser, pytest.mark.exhaustive]


class Walker:
    """A person in front of a page. Typing is no click, choosing a file is one."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def choose_file(self, field: Locator, file: Path) -> None:
        field.set_input_files(file)
        self.clicks += 1

    def sees_the_report(self) -> None:
        expect(self.page.frame_locator("iframe").get_by_text(ROWS).first).to_be_in_viewport()


@pytest.fixture(scope="module")
def admin(deskjob: str) -> Browser:
    browser = Browser(deskjob)
    browser.send("/login", browser.open("/login"), name="admin", password=PASSWORD)
    nora = {"name": "nora", "role": "user", "password": PASSWORD, "own_password": PASSWORD}
    browser.send("/admin/users/new", browser.open("/admin/users/new"), **nora)
    return browser


@pytest.fixture
def walker(browser: Chromium, deskjob: str, admin: Browser) -> Iterator[Walker]:
    context = browser.new_context(base_url=deskjob, **CALM)
    yield Walker(context.new_page())
    context.close()


def sign_in(walker: Walker, name: str) -> None:
    walker.page.goto("/")
    walker.page.get_by_label("Name").fill(name)
    walker.page.get_by_label("Password").fill(PASSWORD)
    walker.click(walker.page.get_by_role("button", name="Sign in"))
    expect(walker.page.get_by_role("button", name="Sign out")).to_be_visible()


def open_overview(walker: Walker) -> None:
    sign_in(walker, "admin")
    walker.clicks = 0


def test_a_new_user_has_a_report_after_four_clicks_and_comes_back_to_it_with_one(walker: Walker, deskjob: str) -> None:
    page = walker.page
    sign_in(walker, "nora")
    walker.click(page.get_by_role("link", name="Dataset report"))
    walker.choose_file(page.get_by_label("Dataset"), AIRPORTS)
    walker.click(page.get_by_role("button", name="Start the job"))
    walker.sees_the_report()
    assert walker.clicks == 4

    job_id = page.url.rpartition("/")[2]
    page.goto("/notices")
    walker.click(page.get_by_role("link", name="Dataset report: airports.csv is done."))
    walker.sees_the_report()
    assert walker.clicks == 5

    mail = MessageWriter(language="en", public_url=deskjob).line({"topic": Topic.FINISHED, "job_id": job_id}, {})
    page.goto(mail.url)
    walker.sees_the_report()

    page.goto("/")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()  # no longer a new user


def test_the_cause_of_a_failure_is_one_click_from_the_overview(walker: Walker, admin: Browser) -> None:
    admin.send("/jobs/new/broken_count", admin.open("/jobs/new/broken_count"), upto=1)
    open_overview(walker)
    walker.click(walker.page.locator("#failures").get_by_role("link", name="Broken count"))
    expect(walker.page.locator("#failure").get_by_text("no vat rate")).to_be_in_viewport()
    traceback = walker.page.locator("#attempts pre")
    expect(traceback).to_be_visible()
    expect(traceback).to_contain_text("slow_types.py")
    assert walker.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert walker.clicks == 1


def test_a_runaway_is_stopped_with_two_clicks_from_the_overview(walker: Walker, admin: Browser) -> None:
    admin.send("/jobs/new/slow_count", admin.open("/jobs/new/slow_count"), upto=100)
    open_overview(walker)
    walker.click(walker.page.locator("#runs").get_by_role("link", name="Stop… Slow count"))
    walker.click(walker.page.get_by_role("button", name="Stop job"))
    expect(walker.page.locator("#chip").get_by_text("Stopped")).to_be_visible()
    assert walker.clicks == 2
