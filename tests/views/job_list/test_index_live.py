"""The list in a real browser: live updates, bulk actions and the keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from tests.browser import violations
from tests.installation import wait_for
from tests.views.browsing import complaints_of, polls_of
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Status
from webapp.schema import now, sessions
from webapp.services import Services

pytestmark = pytest.mark.browser
Put = Callable[..., Job]
Change = Callable[..., None]


def ask_again(page: Page) -> None:
    """Let the list ask now, as when somebody comes back to it; wait until the answer is in its place."""
    with page.expect_response(lambda answer: "/jobs/_live" in answer.url):
        page.evaluate("document.body.dispatchEvent(new Event('app:wake'))")
    page.wait_for_timeout(100)


def top_of(page: Page, selector: str) -> float:
    return page.locator(selector).bounding_box()["y"]


def middle_of(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    return box["y"] + box["height"] / 2


def test_new_jobs_move_no_row_and_keep_the_selection_and_the_search(page: Page, put: Put, change: Change) -> None:
    second, first = put(Status.QUEUED, title="Second"), put(Status.COMPLETED, title="First")
    page.goto("/jobs")
    complaints = complaints_of(page)
    page.check(f"#tick-{first.id}")
    page.fill("[data-search]", "half a wo")
    before = top_of(page, f"#job-{first.id}")
    put(Status.RUNNING)
    change(second, status="running", started_at=now(), progress=10.0)
    ask_again(page)
    expect(page.locator("#news")).to_have_text("1 new job")
    expect(page.locator(f"#job-{second.id} .chip")).to_have_text("Running")
    assert top_of(page, f"#job-{first.id}") == before
    expect(page.locator(f"#tick-{first.id}")).to_be_checked()
    expect(page.locator("[data-search]")).to_have_value("half a wo")
    expect(page.locator("[data-search]")).to_be_focused()
    page.click("#news a")
    expect(page.locator(".run")).to_have_count(2 * 2)  # on cards, and in the popover
    assert complaints == []


def test_a_title_is_at_the_top_of_its_row_however_long_the_names_of_its_files_are(
    page: Page, put: Put, attach: Callable[..., object]
) -> None:
    job = put(Status.COMPLETED)
    attach(job, f"{'a-long-name-' * 10}.csv")
    page.goto("/jobs")
    row = f"#job-{job.id}"
    assert page.locator(f"{row} .table__files a").bounding_box()["height"] > 60
    assert top_of(page, f"{row} .table__link") - top_of(page, row) < 25
    assert abs(middle_of(page, f"#tick-{job.id}") - middle_of(page, f"{row} .table__link")) < 2
    assert abs(top_of(page, f"{row} .table__link") - top_of(page, f"{row} .table__files a")) < 10


@pytest.mark.exhaustive
def test_the_badge_and_its_popover_show_running_jobs(page: Page, put: Put, change: Change) -> None:
    job = put(Status.RUNNING, progress=10.0)
    page.goto("/jobs")
    page.click("#running-badge")
    change(job, progress=42.0)
    ask_again(page)
    expect(page.locator("#running-jobs")).to_be_visible()
    expect(page.locator("#running-jobs")).to_contain_text("42 %")
    assert page.title() == "(1) Jobs · Deskjob"
    change(job, status="completed", finished_at=now())
    ask_again(page)
    expect(page.locator("#running-jobs")).to_contain_text("None of your jobs are active.")
    assert page.title() == "Jobs · Deskjob"
    expect(page.locator("#toasts")).to_contain_text("Monthly report is done.")
    expect(page.locator(".bell__count")).to_have_text("1 unread")
    page.click("[data-close]")
    expect(page.locator("[data-toast]")).to_have_count(0)


@pytest.mark.exhaustive
def test_toasts_do_not_pile_up(page: Page, put: Put, change: Change) -> None:
    put(Status.RUNNING, title="Goes on")
    page.goto("/jobs")
    for title in ("First", "Second", "Third", "Fourth", "Fifth"):
        change(put(Status.RUNNING, title=title), status="completed", finished_at=now())
        ask_again(page)
    expect(page.locator("#toasts")).to_contain_text("Fifth is done.")
    expect(page.locator("[data-toast]")).to_have_count(3)
    expect(page.locator("#toasts")).not_to_contain_text("First")


@pytest.mark.exhaustive
def test_a_deleted_job_keeps_its_row(page: Page, put: Put, services: Services) -> None:
    job, other = put(Status.COMPLETED), put(Status.COMPLETED)
    page.goto("/jobs")
    services.jobs.delete(job.id)
    ask_again(page)
    expect(page.locator(f"#job-{job.id}")).to_have_text("This job was deleted, or you can no longer see it.")
    expect(page.locator(f"#job-{other.id}")).to_contain_text("Monthly report")


@pytest.mark.exhaustive
def test_selected_jobs_are_stopped_after_a_confirmation(page: Page, put: Put, services: Services) -> None:
    waiting, done = put(Status.QUEUED), put(Status.COMPLETED)
    page.goto("/jobs")
    complaints = complaints_of(page)
    for job in (waiting, done):
        page.check(f"#tick-{job.id}")
    page.get_by_role("button", name="Stop…").click()
    dialog = page.locator("#dialog dialog")
    expect(dialog).to_contain_text("Stop 1 job?")
    expect(dialog.get_by_role("button", name="Keep running")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert services.jobs.get(waiting.id).status is Status.QUEUED
    ask_again(page)
    expect(page.locator("#dialog dialog")).to_have_count(0)
    page.get_by_role("button", name="Stop…").click()
    assert violations(page) == []
    dialog.get_by_role("button", name="Stop jobs").click()
    expect(page.locator("#toasts")).to_contain_text("1 job was stopped or is stopping. 1 job was skipped.")
    assert services.jobs.get(waiting.id).status is Status.CANCELLED
    assert complaints == []


@pytest.mark.exhaustive
def test_an_error_that_a_dialog_cannot_show_opens_as_a_page(page: Page, put: Put) -> None:
    job = put(Status.QUEUED)
    page.goto("/jobs")
    page.check(f"#tick-{job.id}")
    page.route("**/jobs/act/stop*", lambda route: route.fulfill(status=500, body="<title>Broken</title>"), times=1)
    page.get_by_role("button", name="Stop…").click()
    page.wait_for_url("**/jobs/act/stop?*")
    expect(page.get_by_role("heading", name="Stop 1 job?")).to_be_visible()


@pytest.mark.exhaustive
def test_the_list_works_without_javascript(
    open_page: Callable[..., Page], user: User, put: Put, services: Services
) -> None:
    job = put(Status.QUEUED, title="Needle")
    plain = open_page(user, java_script_enabled=False)
    plain.goto("/jobs")
    plain.fill("[data-search]", "needle")
    plain.get_by_role("button", name="Search").click()
    plain.check(f"#tick-{job.id}")
    plain.get_by_role("button", name="Stop…").click()
    plain.get_by_role("button", name="Stop jobs").click()
    expect(plain.locator("#toasts")).to_contain_text("1 job was stopped")
    assert "q=needle" in plain.url
    assert services.jobs.get(job.id).status is Status.CANCELLED


@pytest.mark.exhaustive
def test_every_action_works_with_the_keyboard_alone(page: Page, put: Put, services: Services) -> None:
    jobs = [put(Status.QUEUED, title=f"Job {number}") for number in range(3)]
    page.goto("/jobs")
    press = page.keyboard.press
    press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("job j x ?")
    expect(page.locator("[data-search]")).to_have_value("job j x ?")
    press("Control+a")
    page.keyboard.type("job")
    press("Enter")
    page.wait_for_url("**q=job*")
    for key in ("j", "j", "k", "j"):
        press(key)
    expect(page.locator(f"#job-{jobs[1].id} a").first).to_be_focused()
    press("x")
    expect(page.locator(f"#tick-{jobs[1].id}")).to_be_checked()
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    assert violations(page) == []
    press("Escape")
    page.get_by_role("button", name="Stop…").focus()
    press("Enter")
    expect(page.locator("#dialog dialog")).to_be_visible()
    press("Shift+Tab")
    press("Enter")
    expect(page.locator("#toasts")).to_contain_text("1 job was stopped")
    assert services.jobs.get(jobs[1].id).status is Status.CANCELLED
    press("j")
    press("Enter")
    page.wait_for_url(f"**/jobs/{jobs[2].id}")
    press("g")
    press("n")
    page.wait_for_url("**/jobs/new")
    press("g")
    press("j")
    page.wait_for_url("**/jobs")


@pytest.mark.exhaustive
def test_polls_slow_down_while_the_server_fails_and_the_list_stays(page: Page, put: Put) -> None:
    job = put(Status.RUNNING)
    page.goto("/jobs")
    page.route("**/jobs/_live*", lambda route: route.fulfill(status=500, body="<h1>Broken</h1>"))
    polls = polls_of(page)
    expect(page.locator("[data-live]")).to_contain_text("Not updated for")
    wait_for(lambda: page.wait_for_timeout(50) or len(polls) >= 3)  # each pause is longer than the one before
    polled = len(polls)
    page.evaluate("for (let i = 0; i < 20; i++) document.body.dispatchEvent(new Event('app:wake'))")
    assert len(polls) == polled, "not before its pause is over"
    expect(page.locator(f"#run-{job.id}")).to_contain_text("Monthly report")
    assert page.get_by_text("Broken").count() == 0


@pytest.mark.exhaustive
def test_a_hidden_list_does_not_poll_and_updates_when_shown(page: Page, put: Put) -> None:
    put(Status.RUNNING)
    page.goto("/jobs")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    polls = polls_of(page)
    page.wait_for_timeout(3000)
    assert polls == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    wait_for(lambda: page.wait_for_timeout(50) or polls)


def test_a_user_signed_out_elsewhere_is_redirected_to_the_sign_in_page(
    page: Page, put: Put, services: Services
) -> None:
    put(Status.COMPLETED)
    page.goto("/jobs?tab=done")
    with writing(services.engine) as connection:
        connection.execute(delete(sessions))
    page.evaluate("document.body.dispatchEvent(new Event('app:wake'))")
    page.wait_for_url("**/login?next=/jobs?tab%3Ddone")


@pytest.mark.exhaustive
def test_the_back_button_shows_nothing_after_signing_out(page: Page, put: Put) -> None:
    put(Status.COMPLETED)
    page.goto("/jobs")
    page.goto("/jobs?tab=done")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login*")
    page.go_back()
    page.wait_for_timeout(300)
    assert page.get_by_text("Monthly report").count() == 0


@pytest.mark.exhaustive
def test_notices_can_be_read_by_everyone(page: Page, services: Services, user: User, put: Put, change: Change) -> None:
    for status in ("completed", "failed"):
        change(put(Status.RUNNING), status=status, finished_at=now())
    services.notifications.mark_read(user.id, services.notifications.unread(user.id)[0].id)
    complaints = complaints_of(page)
    for where in ("/notices", "/jobs/act/stop", "/jobs?q=none&since=x"):
        page.goto(where)
        assert violations(page) == [], where
    assert complaints == []
