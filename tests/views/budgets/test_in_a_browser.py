"""Budgets in a real browser: without a script, on a phone, in German; and accessible with a budget that is used up."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser import violations
from webapp.accounts.user import User
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.model.job import Owner
from webapp.services import Services

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PHONE = {"width": 390, "height": 844}


def test_a_budget_is_set_used_up_and_removed_on_a_phone_without_javascript(
    open_page: Open, person: Callable[..., User], services: Services, budgets: Budgets
) -> None:
    user, admin = person("ana", language="de"), person("root", role="admin", language="de")
    plain = {"java_script_enabled": False, "viewport": PHONE}
    page = open_page(admin, **plain)
    page.goto(f"/admin/users/{user.id}")
    page.get_by_role("link", name="Budget", exact=True).click()
    page.get_by_label("Aufträge").fill("0")
    page.get_by_role("button", name="Speichern").click()
    assert "Eine Grenze muss eine ganze Zahl über 0" in page.locator("main").inner_text()
    page.get_by_label("Aufträge").fill("1")
    page.get_by_role("button", name="Speichern").click()
    services.jobs.create_job("job_history_export", {"format": "csv"}, owner=Owner(user_id=user.id))
    page.goto("/admin/budgets")
    assert "1 von 1 aufgebraucht" in page.locator("#budgets-table").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    own = open_page(user, **plain)
    own.goto("/jobs/new/job_history_export")
    sentence = "Das Budget von 1 Aufträgen für diesen Monat ist aufgebraucht."
    assert sentence in own.locator("#budget").inner_text()
    own.get_by_role("button", name="Auftrag starten").click()
    assert sentence in own.locator(".error-summary").inner_text()
    own.goto("/me")
    assert "1 von 1" in own.locator("#budget").inner_text()
    page.goto(f"/admin/budgets/user:{user.id}")
    page.get_by_role("button", name="Diese Grenzen entfernen").click()
    own.goto("/jobs/new/job_history_export")
    own.get_by_role("button", name="Auftrag starten").click()
    assert "/jobs/new" not in own.url


def test_pages_of_budgets_are_accessible(
    open_page: Open, person: Callable[..., User], services: Services, budgets: Budgets
) -> None:
    admin = person("root", role="admin")
    services.jobs.create_many("job_history_export", [{"format": "csv"}] * 2, owner=Owner(user_id=admin.id))
    page = open_page(admin, color_scheme="dark")
    for where in ("/admin/budgets", f"/admin/budgets/user:{admin.id}", "/me", "/jobs/new/job_history_export"):
        page.goto(where)
        assert violations(page) == [], where
