"""Actions on queues, workers, jobs and schedules in a real browser, with real workers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import insert

from tests.installation import TYPES, Installation, installed, wait_for
from tests.people import PASSWORD_HASH
from tests.views.browsing import served
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import writing
from webapp.jobs.model.job import Status
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.schema import now, users

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    """An installation with two real workers, an admin and an auditor."""
    with installed(sqlite_template, valkey_url) as installation:
        with writing(installation.services.engine) as connection:
            for name in ("admin", "auditor"):
                row = {"name": name, "role": name, "password_hash": PASSWORD_HASH, "id": uuid4()}
                connection.execute(insert(users).values(**row, created_at=now()))
        installation.start("worker", "--workers", "2", "--queues", "default")
        wait_for(lambda: len(installation.services.workers.in_database()) == 2)
        yield installation


@pytest.fixture(scope="module")
def app(installation: Installation) -> Iterator[Flask]:
    """Another application on the same installation."""
    redis = installation.settings["DESKJOB_REDIS_URL"]
    app = create_app(load(data_dir=installation.folder, redis_url=redis, secret_key="k" * 32, jobtypes=(TYPES,)))
    yield app
    app.extensions["deskjob"].engine.dispose()


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address


@pytest.fixture
def open_as(open_page: Callable[..., Page], installation: Installation) -> Callable[..., Page]:
    """Return a function that opens a page of a user: `open_as("admin", java_script_enabled=False)`."""
    people = {person.name: person for person in installation.services.accounts.all()}
    return lambda name, **options: open_page(people[name], **options)


@pytest.mark.exhaustive
def test_a_pause_stops_the_workers_and_shows_in_another_browser_within_one_poll(
    open_as: Callable[..., Page], installation: Installation
) -> None:
    watching, acting = open_as("auditor"), open_as("admin")
    watching.goto("/admin/queues")
    acting.goto("/admin/queues/default")
    acting.get_by_role("link", name="Pause…").click()
    acting.get_by_label("Reason").fill("Moving the database")
    acting.get_by_role("dialog").get_by_role("button", name="Pause queue").click()
    expect(watching.locator("#queues-live")).to_contain_text("The queue default is paused.")
    expect(watching.locator("#queues-live")).to_contain_text("Moving the database")
    job_id = installation.job("quick")
    installation.services.wake_ups.push("default")
    watching.wait_for_timeout(1500)
    assert installation.get(job_id).status is Status.QUEUED
    acting.get_by_role("button", name="Resume queue").click()
    installation.await_status(job_id, Status.COMPLETED)
    expect(watching.locator("#queues-live")).not_to_contain_text("The queue default is paused.")


@pytest.mark.exhaustive
def test_a_stopped_worker_is_replaced_by_a_new_one(open_as: Callable[..., Page], installation: Installation) -> None:
    job_id = installation.job("steps", {"steps": 300, "seconds": 0.1})
    wait_for(lambda: installation.get(job_id).state.get("step", 0) >= 1)
    [busy] = [one for one in installation.services.workers.in_database() if one.job_id == job_id]
    page = open_as("admin")
    page.goto("/admin/workers")
    card = page.locator(f"#worker-{busy.name}")
    expect(card).to_contain_text("Working")
    card.get_by_role("link", name="Stop now…").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop now").click()
    expect(card).to_have_count(0)
    expect(page.locator("article.unit")).to_have_count(2)
    assert installation.get(job_id).state["step"] >= 1
    assert installation.services.queries.jobs.attempts(job_id)[0].outcome == "interrupted"
    installation.services.jobs.cancel(job_id)


def test_a_job_stopped_on_its_page_shows_as_stopped_in_the_list(
    open_as: Callable[..., Page], installation: Installation
) -> None:
    job_id = installation.job("steps", {"steps": 600, "seconds": 0.1})
    installation.await_status(job_id, Status.RUNNING)
    watching, acting = open_as("auditor"), open_as("admin")
    watching.goto("/admin/jobs?tab=running")
    row = watching.locator(f"#job-{job_id}")
    expect(row).to_contain_text("Running")
    acting.goto(f"/jobs/{job_id}")
    acting.get_by_role("link", name="Stop").click()
    acting.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("Stopped")
    assert installation.get(job_id).status is Status.CANCELLED
    assert installation.services.queries.jobs.attempts(job_id)[0].outcome == "cancelled"


@pytest.mark.exhaustive
def test_a_job_retried_on_its_page_shows_as_done_in_the_list(
    open_as: Callable[..., Page], installation: Installation
) -> None:
    job_id = installation.job("mends", {"path": str(installation.folder / "mended")})
    installation.await_status(job_id, Status.FAILED)
    (installation.folder / "mended").touch()
    busy = installation.job("steps", {"steps": 600, "seconds": 0.1})  # so that lists ask every two seconds
    watching, acting = open_as("auditor"), open_as("admin")
    watching.goto("/admin/jobs?tab=failed")
    row = watching.locator(f"#job-{job_id}")
    expect(row).to_contain_text("Failed")
    acting.goto(f"/jobs/{job_id}")
    acting.get_by_role("link", name="Retry…").click()
    acting.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(row).to_contain_text("Done")
    assert [one.outcome for one in installation.services.queries.jobs.attempts(job_id)] == ["failed", "completed"]
    installation.services.jobs.cancel(busy)


@pytest.mark.exhaustive
def test_a_schedule_runs_now_and_its_run_is_listed(open_as: Callable[..., Page], installation: Installation) -> None:
    schedule = installation.services.schedules.add(
        "quick", {}, ScheduleDraft(name="Yearly", rule="0 3 1 1 *", zone="UTC")
    )
    page = open_as("admin")
    page.goto(f"/admin/schedules/{schedule.id}")
    page.get_by_role("button", name="Run now", exact=True).click()
    expect(page.get_by_role("region", name="Status")).to_contain_text("Finished")
    page.goto(f"/admin/schedules/{schedule.id}")
    run = page.locator("table.runs tbody tr")
    expect(run).to_contain_text("Done")
    expect(run).to_contain_text("started by you")
    [kept] = installation.services.run_history.of_schedule(schedule.id, 5)
    assert installation.get(kept.job_id).status is Status.COMPLETED


@pytest.mark.exhaustive
def test_queues_and_system_work_without_javascript(open_as: Callable[..., Page], installation: Installation) -> None:
    page = open_as("admin", java_script_enabled=False)
    page.goto("/admin/queues/default")
    page.get_by_role("link", name="Pause…").click()
    page.get_by_label("Reason").fill("By hand")
    page.get_by_role("button", name="Pause queue").click()
    expect(page.locator("#queue-live")).to_contain_text("By hand")
    page.get_by_role("button", name="Resume queue").click()
    expect(page.locator("#queue-live")).not_to_contain_text("By hand")
    page.goto("/admin/system")
    page.get_by_role("link", name="Show what will be deleted in the next 24 hours").click()
    expect(page.locator("#removal-figures")).to_contain_text("the next 24 hours")


@pytest.mark.exhaustive
def test_a_queue_can_be_paused_with_the_keyboard(open_as: Callable[..., Page], installation: Installation) -> None:
    page = open_as("admin")
    page.goto("/admin/queues/default")
    page.get_by_role("link", name="Pause…").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Don't pause")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("From the keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("#queue-live")).to_contain_text("From the keyboard")
    installation.services.queues.resume("default")
