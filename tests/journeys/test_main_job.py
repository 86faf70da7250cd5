"""The main job, as a person does it: sign in, start, watch, download, sign out."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.journeys.conftest import PASSWORD

AIRPORTS = Path(__file__).parent / "airports.csv"
pytestmark = pytest.mark.browser


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def person(scripts: bool, browser: Browser, deskjob: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=deskjob, java_script_enabled=scripts)
    yield context
    context.close()


@pytest.fixture
def complaints(person: BrowserContext) -> list[str]:
    """What the browser's console says: a breach of the content policy would be in it."""
    said: list[str] = []
    person.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    return said


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_title("Jobs · Deskjob")


def choose(page: Page, title: str) -> None:
    page.get_by_role("link", name="Start a job").first.click()
    page.get_by_role("link", name=title).click()


def wait_for(page: Page, wanted: Locator, *, scripts: bool) -> None:
    """The page shows it by itself; without JavaScript a person reloads."""
    if not scripts:
        for _ in range(60):
            if wanted.is_visible():
                break
            page.wait_for_timeout(500)
            page.reload()
    expect(wanted).to_be_visible()


def test_a_person_gets_a_report_of_a_real_table(
    person: BrowserContext, complaints: list[str], tmp_path: Path, scripts: bool
) -> None:
    page = person.new_page()
    sign_in(page)

    choose(page, "Dataset report")
    page.get_by_label("Dataset").set_input_files(AIRPORTS)
    page.get_by_role("button", name="Start the job").click()

    result = page.get_by_role("link", name="report.html")
    wait_for(page, result, scripts=scripts)
    with page.expect_download() as download:
        result.click()
    download.value.save_as(tmp_path / "report.html")
    report = (tmp_path / "report.html").read_text()
    assert "latitude" in report
    assert "3,376" in report

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_text("report.html")).to_have_count(0)
    assert complaints == []


def test_progress_moves_until_the_job_is_done(person: BrowserContext, complaints: list[str], scripts: bool) -> None:
    page = person.new_page()
    sign_in(page)

    choose(page, "Slow count")
    page.get_by_label("Count up to").fill("24")
    page.get_by_role("button", name="Start the job").click()

    seen: set[float] = set()
    bar, result = page.get_by_role("progressbar"), page.get_by_role("link", name="count.txt")
    for _ in range(100):
        with suppress(PlaywrightTimeout):  # it is gone when the job is done
            seen.add(float(bar.get_attribute("value", timeout=1000)))
        if result.is_visible():
            break
        page.wait_for_timeout(150)
        if not scripts:
            page.reload()
    expect(result).to_be_visible()
    assert len({value for value in seen if 0 < value < 100}) >= 3
    expect(page.get_by_text("counted 23")).to_be_visible()
    assert complaints == []


def test_a_finished_page_asks_no_more(person: BrowserContext, scripts: bool) -> None:
    page = person.new_page()
    sign_in(page)
    choose(page, "Slow count")
    page.get_by_label("Count up to").fill("1")
    page.get_by_role("button", name="Start the job").click()
    wait_for(page, page.get_by_role("link", name="count.txt"), scripts=scripts)
    page.wait_for_timeout(2500)

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3000)

    assert asked == []
