"""The overview, errors and schedules in a real browser: live updates, use without JavaScript, contrast."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

pytestmark = pytest.mark.browser
LINES_OF_FIRST_WORD = """(link) => {
    const range = document.createRange();
    range.setStart(link.firstChild, 0);
    range.setEnd(link.firstChild, link.firstChild.data.indexOf(" "));
    return range.getClientRects().length;
}"""
InsertEnded = Callable[..., Job]


@pytest.fixture
def seeded(insert_ended: InsertEnded, put: Callable[..., Job], update_metrics: Callable[[], None]) -> None:
    for minutes in (1, 70, 200):
        insert_ended(minutes=minutes)
        insert_ended(Status.FAILED, minutes, f"Row {minutes} has no sku.")
    insert_ended(Status.CANCELLED, 100)
    put(Status.RUNNING, progress=42.0, message="84 of 200 customers")
    put(Status.QUEUED)
    update_metrics()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("seeded")
def test_the_overview_updates_without_a_reload_and_keeps_its_table_open(
    open_page: Callable[..., Page], put: Callable[..., Job], admin: User
) -> None:
    page = open_page(admin)
    page.goto("/admin")
    page.click("#hours-table summary")
    page.evaluate("window.stayed = true")
    put(Status.QUEUED)
    put(Status.RUNNING, owner=Owner(user_id=admin.id))
    expect(page.locator("[data-number=waiting]")).to_have_text("2")
    expect(page.locator("#running-badge")).to_contain_text("1")
    expect(page.locator("#hours-table")).to_have_attribute("open", "")
    assert page.evaluate("window.stayed")


def test_the_names_of_the_admin_pages_fit_beside_them_in_german(
    open_page: Callable[..., Page], person: Callable[..., User]
) -> None:
    page = open_page(person("root", role="admin", language="de"), viewport={"width": 1280, "height": 800})
    page.goto("/admin/notifications")
    assert page.locator(".admin-nav [aria-current=page]").inner_text() == "Benachrichtigungen"
    too_long = "links => links.filter((link) => link.scrollWidth > link.clientWidth).map((link) => link.textContent)"
    assert page.locator(".admin-nav .nav-link").evaluate_all(too_long) == []


def test_a_name_in_the_audit_log_is_broken_between_words(
    open_page: Callable[..., Page], admin: User, services: Services
) -> None:
    actor, title = AuditActor(name="command line (root)"), "A title of many words, which takes all the room " * 4
    services.audit.record(
        AuditLine(actor=actor, action=AuditAction.JOB_CREATE, kind=AuditTarget.JOB, id="1", name=title[:200])
    )
    page = open_page(admin, viewport={"width": 1000, "height": 800})
    page.goto("/admin/audit")
    assert page.get_by_role("link", name=actor.name).evaluate(LINES_OF_FIRST_WORD) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000


@pytest.mark.exhaustive
@pytest.mark.usefixtures("seeded")
def test_an_error_is_retried_and_resolved_without_javascript(open_page: Callable[..., Page], admin: User) -> None:
    page = open_page(admin, java_script_enabled=False)
    page.goto("/admin")
    page.click("text=different error")
    page.click("#errors-table a")
    page.click("#retry-all")
    page.click("text=Retry jobs")
    expect(page.locator("main")).to_contain_text("there is nothing to retry")
    page.click("#to-resolved")
    expect(page.locator("main .chip").first).to_have_text("Resolved")


CONTRAST = """button => {
    const style = getComputedStyle(button);
    const light = (colour) => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const [one, other] = [light(style.color), light(style.backgroundColor)];
    return Math.max(one, other) / Math.min(one, other);
}"""


@pytest.mark.exhaustive
def test_disabled_buttons_have_enough_contrast(open_page: Callable[..., Page], person: Callable[..., User]) -> None:
    page = open_page(person("olga", role="operator"))
    page.goto("/admin/schedules")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.locator("#add-schedule:disabled").evaluate(CONTRAST) >= 4.5, scheme
