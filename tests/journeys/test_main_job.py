"""The main journey of a user: sign in, start a job, watch it, download its result, sign out."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser import CALM
from tests.journeys.conftest import PASSWORD

AIRPORTS = Path(__file__).parent / "airports.csv"
pytestmark = pytest.mark.browser


SCRIPTS = pytest.param(True, id="with JavaScript")
NO_SCRIPTS = pytest.param(False, id="without JavaScript", marks=pytest.mark.exhaustive)


@pytest.fixture
def person(scripts: bool, browser: Browser, deskjob: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=deskjob, **CALM, java_script_enabled=scripts)
    yield context
    context.close()


@pytest.fixture
def complaints(person: BrowserContext) -> list[str]:
    """Errors in the browser's console, such as a violation of the content security policy."""
    errors: list[str] = []
    person.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return errors


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def choose(page: Page, title: str) -> None:
    page.get_by_role("link", name="Start a job").first.click()
    page.get_by_role("link", name=title).click()


def wait_for(page: Page, wanted: Locator, *, scripts: bool) -> None:
    """Wait until the page shows it; without JavaScript, reload it."""
    if not scripts:
        for _ in range(600):
            if wanted.is_visible():
                break
            page.wait_for_timeout(500)
            page.reload()
    expect(wanted).to_be_visible()


@pytest.mark.parametrize("scripts", [SCRIPTS, NO_SCRIPTS])
def test_a_user_gets_a_report_of_a_real_table(
    person: BrowserContext, complaints: list[str], tmp_path: Path, scripts: bool
) -> None:
    page = person.new_page()
    sign_in(page)

    choose(page, "Dataset report")
    page.get_by_label("Dataset").set_input_files(AIRPORTS)
    page.get_by_role("button", name="Start the job").click()

    result = page.get_by_role("link", name="airports-report.html", exact=True)
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
    expect(page.get_by_text("airports-report.html")).to_have_count(0)
    assert complaints == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("scripts", [SCRIPTS, NO_SCRIPTS])
def test_progress_moves_until_the_job_is_done(person: BrowserContext, complaints: list[str], scripts: bool) -> None:
    page = person.new_page()
    sign_in(page)

    choose(page, "Slow count")
    page.get_by_label("Count up to").fill("40")
    page.get_by_role("button", name="Start the job").click()

    seen: set[float] = set()
    bar, result = page.get_by_role("progressbar"), page.get_by_role("link", name="count.txt", exact=True)
    for _ in range(1000):
        with suppress(PlaywrightTimeout):  # it is gone when the job is done
            seen.add(float(bar.get_attribute("value", timeout=1000) or 0))  # none before the first report
        if result.is_visible():
            break
        page.wait_for_timeout(150)
        if not scripts:
            page.reload()
    expect(result).to_be_visible()
    assert len({value for value in seen if 0 < value < 100}) >= 2
    expect(page.get_by_text("counted 39")).to_be_visible()
    assert complaints == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("scripts", [SCRIPTS, NO_SCRIPTS])
def test_a_finished_page_stops_polling(person: BrowserContext, scripts: bool) -> None:
    page = person.new_page()
    sign_in(page)
    choose(page, "Slow count")
    page.get_by_label("Count up to").fill("1")
    page.get_by_role("button", name="Start the job").click()
    wait_for(page, page.get_by_role("link", name="count.txt", exact=True), scripts=scripts)
    page.wait_for_timeout(2500)

    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_timeout(3000)

    assert requests == []
