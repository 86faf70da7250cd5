"""The pages of schedules in a real browser: keyboard, accessibility, with and without JavaScript."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert

from tests.browser import violations
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import Schedule
from webapp.schema import later, now, schedule_runs
from webapp.services import Services

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
Add = Callable[..., Schedule]


@pytest.fixture
def complaints() -> list[str]:
    """What the browsers' consoles say: a breach of the content policy would be in it."""
    return []


@pytest.fixture
def open_as_admin(open_page: Open, admin: User, complaints: list[str]) -> Open:
    """Open a page in which the admin is signed in; options as a browser's context takes them."""

    def open_as_admin(**options: Any) -> Page:
        page = open_page(admin, **options)
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        return page

    return open_as_admin


@pytest.fixture
def busy(services: Services, add: Add) -> Schedule:
    """A schedule with runs of all kinds, beside one that is paused and one with a long name."""
    schedule = add()
    services.jobs.cancel(services.schedule_runner.run_now(schedule).id)
    services.schedule_runner.run_now(schedule)
    with writing(services.engine) as connection:
        for minute, outcome in enumerate(("busy", "missed", "refused")):
            row = {"schedule_id": schedule.id, "outcome": outcome, "detail": "It was so. " * 5}
            connection.execute(insert(schedule_runs).values(fire_at=later(-60.0 * minute), fired_at=now(), **row))
    services.schedules.pause(add("Weekly", zone="America/New_York"), reason="a-reason-without-any-space-" * 6)
    add("a-name-without-any-space-" * 4)
    return schedule


@pytest.mark.exhaustive
def test_pages_with_long_names_and_all_results_are_accessible(
    open_as_admin: Open, busy: Schedule, services: Services, complaints: list[str], thorough: bool
) -> None:
    """By default one form of each kind is enough: `test_every_page.py` visits the others, with shorter names."""
    width = 390
    page = open_as_admin(color_scheme="dark", viewport={"width": width, "height": 844})
    pages = [f"/admin/schedules/{one.id}" for one in services.schedules.all()]
    here = pages[-2]
    forms = ("/admin/schedules/new", "/admin/schedules/new/mirror", f"{here}/edit", f"{here}/remove", f"{here}/pause")
    some = (*pages, *forms) if thorough else (*pages[-3:], f"{here}/edit", f"{here}/remove")
    for where in ("/admin/schedules", *some):
        page.goto(where)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, where
        assert violations(page) == [], where
    assert complaints == []


def to(page: Page, name: str) -> None:
    """Press the tab key until what has this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(
            "(name) => { const one = document.activeElement;"
            "return (one.labels?.[0]?.textContent ?? one.textContent).trim().startsWith(name) }",
            name,
        ):
            return
    pytest.fail(f"the keyboard does not lead to {name!r}")


@pytest.mark.exhaustive
def test_schedules_can_be_edited_with_the_keyboard_alone(
    open_as_admin: Open, services: Services, complaints: list[str]
) -> None:
    page = open_as_admin()
    page.goto("/admin/schedules")
    for link, address in (("Add a schedule", "**/new"), ("Mirror a folder", "**/new/mirror")):
        to(page, link)
        page.keyboard.press("Enter")
        page.wait_for_url(address)
    to(page, "Name")
    page.keyboard.type("Nightly")
    to(page, "Every day")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#preview")).to_contain_text("Monday to Friday at 02:00")
    expect(page.get_by_label("Rule", exact=True)).to_be_hidden()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    to(page, "Rule")
    page.keyboard.press("Control+A")
    page.keyboard.type("30 9 * * 1")
    expect(page.locator("#preview")).to_contain_text("Every Monday at 09:30")
    expect(page.locator("#preview li")).to_have_count(5)
    page.keyboard.press("Control+A")
    page.keyboard.type("H * * * *")
    expect(page.locator("#preview")).to_contain_text("'H' is not a valid minute")
    page.keyboard.press("Control+A")
    page.keyboard.type("0 6 * * *")
    expect(page.locator("#preview")).to_contain_text("Every day at 06:00")
    to(page, "Path")
    page.keyboard.type("/srv")
    to(page, "Key")
    page.keyboard.type("hush")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nightly")
    to(page, "Pause")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("button", name="Back")).to_be_focused()
    page.get_by_label("Reason").focus()
    page.keyboard.type("Moving house")
    page.keyboard.press("Enter")
    expect(page.locator("#paused")).to_contain_text("Moving house")
    to(page, "Resume")
    page.keyboard.press("Enter")
    expect(page.locator("#paused")).to_have_count(0)
    to(page, "Run now")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
    assert services.queries.all_jobs.newest(1)[0].priority == 200
    assert complaints == []


@pytest.mark.exhaustive
def test_schedules_work_without_javascript(open_as_admin: Open, services: Services) -> None:
    page = open_as_admin(java_script_enabled=False)
    page.goto("/admin/schedules/new/mirror")
    page.get_by_label("Every week", exact=True).check()
    page.get_by_label("Day of the week").select_option("Monday")
    page.get_by_label("Time", exact=True).fill("09:30")
    page.get_by_role("button", name="Preview").click()
    assert "Every Monday at 09:30" in page.locator("#preview").inner_text()
    assert page.get_by_label("Every week", exact=True).is_checked()
    page.get_by_label("Name", exact=True).fill("Nightly")
    page.get_by_label("Path", exact=True).fill("/srv")
    page.get_by_label("Key", exact=True).fill("hush")
    page.get_by_role("button", name="Add schedule").click()
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause").click()
    assert "It starts no jobs until it is resumed." in page.locator("#paused").inner_text()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete schedule").click()
    assert "No schedules yet" in page.locator("main").inner_text()
    assert services.schedules.all() == ()


def test_the_list_updates_without_a_reload(open_as_admin: Open, services: Services, add: Add) -> None:
    page, schedule = open_as_admin(), add()
    page.goto("/admin/schedules")
    interval = page.locator("#schedules-live").get_attribute("hx-trigger") or ""
    found = re.match(r"every (\d+)ms", interval)
    assert found
    assert 25_000 < int(found[1]) < 35_000
    page.evaluate("window.stayed = true")
    services.schedule_runner.run_now(schedule)
    page.evaluate("document.body.dispatchEvent(new Event('app:wake'))")
    expect(page.locator(f"#schedule-{schedule.id}")).to_contain_text("Waiting")
    assert page.evaluate("window.stayed")


PHONE = {"width": 390, "height": 844}


def test_a_user_repeats_a_job_on_a_phone_without_javascript(
    open_page: Open, person: Callable[..., User], services: Services
) -> None:
    page = open_page(person("ana", language="de"), java_script_enabled=False, viewport=PHONE)
    page.goto("/jobs/new/mirror")
    page.get_by_label("Path", exact=True).fill("/srv")
    page.get_by_role("button", name="Regelmäßig wiederholen").click()
    assert page.get_by_label("Path", exact=True).input_value() == "/srv"
    page.get_by_label("Key", exact=True).fill("hush")
    page.get_by_label("Jede Woche", exact=True).check()
    page.get_by_label("Zeit", exact=True).fill("09:30")
    page.get_by_role("button", name="Zeitplan hinzufügen").click()
    assert "Jeden Montag um 09:30" in page.locator("main").inner_text()
    page.goto("/me/schedules")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("link", name="Mirror a folder").click()
    page.get_by_role("link", name="Anhalten").click()
    page.get_by_role("button", name="Anhalten").click()
    [schedule] = services.schedules.all()
    assert (schedule.is_paused, schedule.rule.text) == (True, "30 9 * * 1")


def test_the_pages_of_own_schedules_are_accessible(
    open_page: Open, person: Callable[..., User], services: Services, complaints: list[str]
) -> None:
    user = person("ana")
    draft = ScheduleDraft(name="Mine", rule="0 9 * * 1", zone="UTC", owner=Owner(user_id=user.id))
    schedule = services.schedules.add("mirror", {"path": "/srv", "key": "hush"}, draft)
    services.schedule_runner.run_now(schedule)
    page = open_page(user)
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    here = f"/me/schedules/{schedule.id}"
    for where in ("/me/schedules", "/me/schedules/new", "/me/schedules/new/mirror", here, f"{here}/edit"):
        page.goto(where)
        assert violations(page) == [], where
    assert complaints == []
