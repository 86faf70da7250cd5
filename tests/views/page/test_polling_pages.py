"""Job pages in a real browser: they refresh themselves, stop polling, and obey the security policy."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect
from sqlalchemy import delete, update

from tests.browser import violations
from tests.exhaustive import exhaustive
from tests.installation import wait_for
from tests.views.browsing import complaints_of, polls_of
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.schema import jobs, now, users
from webapp.services import Services

pytestmark = pytest.mark.browser
Put = Callable[..., Job]
# Longer than the pause between two polls of a log
SLOW_FETCH = """const fetchAtOnce = window.fetch;
window.fetch = async (...request) => {
  await new Promise((resume) => setTimeout(resume, 2500));
  return fetchAtOnce(...request);
};"""


@pytest.fixture
def running(put: Put) -> Job:
    return put(Status.RUNNING, progress=42.0, message="84 of 200 customers", lease_id=None)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("scheme", "width", "first"), [("light", 1200, 0), exhaustive("dark", 390, 1)])
def test_a_job_in_any_status_can_be_read_by_everyone(
    page: Page, put: Put, attach: Callable[..., Any], scheme: Any, width: int, first: int, thorough: bool
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    complaints = complaints_of(page)
    errors = ({"text": "The file has no column sku.", "at": "2026-11-21T12:00:00+00:00"},)
    some = [put(status, errors=errors, warnings=errors, progress=30.0) for status in Status]
    lists = ("/jobs", "/jobs?tab=stopped", "/jobs?tab=failed&type=none")
    places = [*lists, *(f"/jobs/{job.id}" for job in some)]
    put(owner=Owner(public=True))
    attach(some[-1], "a-file-with-a-rather-long-name-" * 4 + ".csv")
    for where in places if thorough else places[first::2]:
        page.goto(where)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, where
        assert violations(page) == [], where
    assert complaints == []


def test_a_running_job_moves_and_its_page_falls_silent_at_the_end(
    page: Page, running: Job, change: Callable[..., None]
) -> None:
    page.goto(f"/jobs/{running.id}")
    change(running, progress=60.0, message="120 of 200 customers")
    expect(page.locator("#status")).to_contain_text("120 of 200 customers")
    assert page.title() == "60 % · Monthly report · Deskjob"
    change(running, status="completed", progress=100.0, finished_at=now())
    expect(page.locator("#chip")).to_have_text("Done")
    expect(page.locator("[data-poll]")).to_have_count(0)
    expect(page.locator("[data-live]")).to_be_hidden()
    polls = polls_of(page)
    page.wait_for_timeout(2500)
    assert polls == []


@pytest.mark.exhaustive
def test_a_job_that_has_not_begun_is_followed_into_its_run(page: Page, put: Put, change: Callable[..., None]) -> None:
    job = put(Status.QUEUED)
    page.goto(f"/jobs/{job.id}")
    page.wait_for_timeout(1200)
    change(job, status="running", started_at=now())
    expect(page.locator("#chip")).to_have_text("Running")


@pytest.mark.exhaustive
def test_lines_and_files_appear_while_the_job_runs(
    page: Page, running: Job, write_log: Callable[..., None], attach: Callable[..., Any]
) -> None:
    page.goto(f"/jobs/{running.id}")
    for text in ("first line", "second line"):
        write_log(running, text)
        expect(page.locator("#log-lines li").last).to_contain_text(text)
    expect(page.locator("#log-lines li")).to_have_count(2)
    attach(running, "part-1.pdf")
    expect(page.locator("#files")).to_contain_text("part-1.pdf")


@pytest.mark.exhaustive
def test_a_server_slower_than_the_polls_sends_no_line_twice(
    page: Page, running: Job, write_log: Callable[..., None]
) -> None:
    page.add_init_script(SLOW_FETCH)
    page.goto(f"/jobs/{running.id}")
    for text in ("first line", "second line"):
        write_log(running, text)
        expect(page.locator("#log-lines li").last).to_contain_text(text)
    for _ in range(2):
        with page.expect_response(lambda answer: "/_log" in answer.url):
            pass
    assert page.locator("#log-lines li").count() == 2


@pytest.mark.exhaustive
def test_a_removed_job_is_said_once_and_then_there_is_silence(page: Page, running: Job, services: Services) -> None:
    page.goto(f"/jobs/{running.id}")
    with writing(services.engine) as connection:
        connection.execute(delete(jobs).where(jobs.c.id == running.id))
    expect(page.locator("#job-live")).to_contain_text("This job was deleted, or you can no longer see it.")
    expect(page.locator("[data-poll]")).to_have_count(0)
    polls = polls_of(page)
    page.wait_for_timeout(2500)
    assert polls == []
    assert page.get_by_text("This job was deleted, or you can no longer see it.").count() == 1


def test_the_list_changes_without_being_loaded_again(page: Page, put: Put, change: Callable[..., None]) -> None:
    job = put(Status.RUNNING, progress=10.0)
    page.goto("/jobs")
    page.evaluate("window.stayed = true")
    change(job, status="failed", finished_at=now(), errors=[{"text": "It broke."}])
    expect(page.locator(f"#run-{job.id}")).to_contain_text("It broke.")
    assert page.evaluate("window.stayed")


@pytest.mark.exhaustive
def test_an_unchanged_list_is_not_sent_again(page: Page, running: Job) -> None:
    page.goto("/jobs")
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if "/jobs/_live" in answer.url else None)
    wait_for(lambda: page.wait_for_timeout(100) or 304 in answers)
    assert answers.count(200) <= 1  # once a minute "2 min ago" has to move on
    expect(page.locator("#running")).to_contain_text("84 of 200 customers")


def test_a_hidden_page_asks_nothing_and_catches_up_at_once(page: Page, running: Job) -> None:
    page.goto(f"/jobs/{running.id}")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    polls = polls_of(page)
    page.wait_for_timeout(2500)
    assert polls == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    wait_for(lambda: page.wait_for_timeout(50) or any("_live" in url for url in polls))


@pytest.mark.exhaustive
def test_updates_can_be_paused(page: Page, running: Job, change: Callable[..., None]) -> None:
    under_way: list[Request] = []
    page.on("request", lambda asked: under_way.append(asked) if "x-poll" in asked.headers else None)
    page.on("requestfinished", lambda asked: under_way.remove(asked) if asked in under_way else None)
    page.goto(f"/jobs/{running.id}")
    page.click("[data-live]")
    expect(page.locator("[data-live]")).to_have_text("Paused")
    wait_for(lambda: page.wait_for_timeout(50) or not under_way)  # an answer on its way may still be shown
    change(running, message="later")
    page.wait_for_timeout(1800)
    expect(page.locator("#status")).not_to_contain_text("later")
    page.click("[data-live]")
    expect(page.locator("#status")).to_contain_text("later")


def test_a_failing_server_leaves_the_page_as_it_was_and_says_so(page: Page, running: Job) -> None:
    page.goto(f"/jobs/{running.id}")
    page.route(re.compile("_live|_log"), lambda route: route.fulfill(status=500, body="<h1>Broken</h1>"))
    expect(page.locator("[data-live]")).to_contain_text("Not updated for")
    expect(page.locator("#status")).to_contain_text("84 of 200 customers")
    assert page.get_by_text("Broken").count() == 0
    page.unroute_all()
    expect(page.locator("[data-live]")).to_have_text("Live")


@pytest.mark.exhaustive
def test_what_was_closed_stays_closed(
    page: Page, put: Put, change: Callable[..., None], user: User, services: Services
) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.id == user.id).values(role="operator"))
    running = put(Status.RUNNING)
    page.goto(f"/jobs/{running.id}")
    page.click("#technical summary")
    change(running, message="later")
    expect(page.locator("#status")).to_contain_text("later")
    expect(page.locator("#technical")).not_to_have_attribute("open", "")
