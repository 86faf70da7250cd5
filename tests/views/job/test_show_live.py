"""The page of one job in a real browser: actions and live updates."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import insert, update

from tests.browser import violations
from tests.installation import wait_for
from tests.views.browsing import complaints_of, polls_of
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Status
from webapp.schema import attempts, now, users
from webapp.services import Services

pytestmark = pytest.mark.browser
HIDE = "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
SHOW = "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))"
Put = Callable[..., Job]
Change = Callable[..., None]


@pytest.fixture
def running(put: Put) -> Job:
    return put(Status.RUNNING, progress=42.0, message="84 of 200 customers", lease_id=None)


@pytest.mark.exhaustive
def test_a_job_stopped_in_one_tab_is_shown_as_stopped_in_another(page: Page, put: Put) -> None:
    job = put(Status.QUEUED)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"/jobs/{job.id}")
    page.click("text=Stop…")
    expect(page.locator("dialog[data-modal]")).to_contain_text(f"Stop “Monthly report” #{job.short_id}?")
    expect(page.get_by_role("button", name="Keep waiting")).to_be_focused()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("dialog[data-modal]")).to_have_count(0)
    page.click("text=Stop…")
    page.get_by_role("button", name="Stop job").click()
    expect(page.locator("#chip")).to_have_text("Stopped")
    expect(other.locator("#chip")).to_have_text("Stopped")
    expect(other.locator("#actions")).to_contain_text("Retry…")
    expect(other.locator("[data-poll]")).to_have_count(0)


@pytest.mark.exhaustive
def test_a_scheduled_job_is_polled_until_it_finishes(page: Page, put: Put, services: Services) -> None:
    due = services.queries.jobs.now().replace(year=services.queries.jobs.now().year + 1)
    job = put(Status.SCHEDULED, run_at=due)
    page.goto(f"/jobs/{job.id}")
    expect(page.locator("#job-live[data-poll]")).to_have_count(1)
    services.jobs.cancel(job.id)
    page.evaluate("document.body.dispatchEvent(new Event('app:wake'))")
    expect(page.locator("#chip")).to_have_text("Stopped")


@pytest.mark.exhaustive
def test_a_root_updates_its_children(page: Page, put: Put, change: Change) -> None:
    root = put(Status.WAITING, parts=1)
    part = put(Status.RUNNING, root_id=root.id, child_name="first", progress=10.0)
    page.goto(f"/jobs/{root.id}")
    change(part, status="failed", finished_at=now(), errors=[{"text": "No stamp."}])
    expect(page.locator(f"#part-{part.id}")).to_contain_text("No stamp.")


def test_the_first_poll_has_the_tag_of_the_page_however_late_the_scripts_arrive(page: Page, put: Put) -> None:
    def arrives_late(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    for script in ("**/hx-ptag*", "**/live.js*"):
        page.route(script, arrives_late)
    with page.expect_request(re.compile("_live")) as first:
        page.goto(f"/jobs/{put(Status.QUEUED).id}")
    assert first.value.headers.keys() >= {"hx-ptag", "x-poll"}


@pytest.mark.usefixtures("nothing_grows_old")
def test_a_304_leaves_the_page_unchanged(page: Page, put: Put) -> None:
    job = put(Status.QUEUED, message="as it was")
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if "_live" in answer.url else None)
    page.goto(f"/jobs/{job.id}")
    wait_for(lambda: page.wait_for_timeout(100) or 304 in answers)
    assert 200 not in answers
    expect(page.locator("#chip")).to_have_text("Waiting")


@pytest.mark.exhaustive
def test_a_deleted_job_offers_no_actions(page: Page, put: Put, services: Services, change: Change) -> None:
    job = put(Status.QUEUED)
    page.goto(f"/jobs/{job.id}")
    page.evaluate(HIDE)  # no poll may see the job between its end and its deletion
    change(job, status="cancelled", finished_at=now())
    services.jobs.delete(job.id)
    page.evaluate(SHOW)
    expect(page.locator("#job-live")).to_contain_text("This job was deleted, or you can no longer see it.")
    expect(page.locator("#actions a, #actions button")).to_have_count(0)
    polls = polls_of(page)
    page.wait_for_timeout(2500)
    assert polls == []


@pytest.mark.exhaustive
def test_an_open_traceback_stays_open_after_an_update(
    page: Page, put: Put, change: Change, user: User, services: Services
) -> None:
    job = put(Status.RUNNING, attempt=2, max_attempts=3)
    row = {"job_id": job.id, "number": 1, "outcome": "failed", "worker": "w", "host": "h", "pid": 7}
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.id == user.id).values(role="operator"))
        connection.execute(insert(attempts).values(**row, started_at=now(), finished_at=now(), traceback="Trace"))
    page.goto(f"/jobs/{job.id}")
    page.click("#trace-1 summary")
    change(job, message="later")
    expect(page.locator("#status")).to_contain_text("later")
    expect(page.locator("#trace-1")).to_have_attribute("open", "")


@pytest.mark.exhaustive
def test_a_form_submitted_repeatedly_starts_one_job(page: Page, services: Services) -> None:
    complaints = complaints_of(page)
    page.goto("/jobs/new")
    assert violations(page) == []
    page.goto("/jobs/new/job_history_export")
    page.click("text=Start later, change the title or add tags")
    page.get_by_label("Title").fill("All of May")
    assert violations(page) == []
    page.get_by_role("button", name="Start the job").dblclick()
    expect(page.locator("h1")).to_have_text("All of May")
    assert len(services.queries.all_jobs.newest(10)) == 1
    assert complaints == []


@pytest.mark.exhaustive
def test_a_page_full_of_everything_can_be_read_by_everyone(
    page: Page, put: Put, attach: Callable[..., Any], write_log: Callable[..., None], long_ago: Any
) -> None:
    width = 390
    page.set_viewport_size({"width": width, "height": 800})
    complaints = complaints_of(page)
    root = put(Status.WAITING, parts=30, parts_failed=1, attempt=3, max_attempts=3)
    for status in Status:
        put(
            status,
            root_id=root.id,
            child_name=f"A part with a name that is rather long, {status}",
            errors=({"text": "No."},),
        )
    again = put(Status.FAILED, again_of=root.id, errors=({"text": "x" * 300},), metadata={"note": "y" * 500})
    attach(root, "gone.pdf", expires_at=long_ago)
    write_log(root, "a line " * 60, level="ERROR")
    for where in (f"/jobs/{root.id}", f"/jobs/{again.id}", f"/jobs/{root.id}/children", f"/jobs/{again.id}/delete"):
        page.goto(where)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, where
        assert violations(page) == [], where
    assert complaints == []
