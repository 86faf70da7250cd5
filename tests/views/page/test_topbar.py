"""The top bar in a real browser: one row on a phone, with menus that need no script and no mouse."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.browser import violations
from tests.exhaustive import exhaustive
from tests.views.browsing import complaints_of
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.schema import users
from webapp.services import Services

pytestmark = pytest.mark.browser
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 800}
ROW = 60  # pixels: a target and the space around it; two rows are more than 80
TARGET = 40
LATE = "(pill) => { pill.dataset.state = 'late'; pill.textContent = `${pill.dataset.late} 1207 s`; }"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MENUS = {"main-menu": {"user": 2, "admin": 3}, "own-menu": {"user": 2, "admin": 2}}  # how much is in each
WORDS = {"en": ("Menu", "Start a job", "Sign out"), "de": ("Menü", "Auftrag starten", "Abmelden")}

READERS = (exhaustive(("user", "en")), exhaustive(("user", "de")), exhaustive(("admin", "en")), ("admin", "de"))


@pytest.fixture(params=READERS, ids="-".join)
def reader(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the role and the language of the user."""
    return request.param


@pytest.fixture
def role(reader: tuple[str, str]) -> str:
    return reader[0]


@pytest.fixture
def language(reader: tuple[str, str]) -> str:
    return reader[1]


@pytest.fixture
def phone(page: Page, services: Services, user: User, role: str, language: str) -> Page:
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.id == user.id).values(role=role, language=language))
    page.set_viewport_size(PHONE)
    page.goto("/jobs")
    return page


@pytest.fixture
def plain(open_page: Callable[..., Page], user: User) -> Page:
    """The same person on a phone that runs no scripts."""
    plain = open_page(user, viewport=PHONE, java_script_enabled=False)
    plain.goto("/jobs")
    return plain


def sizes(page: Page, selector: str) -> list[tuple[float, float]]:
    boxes = [one.bounding_box() for one in page.locator(selector).all() if one.is_visible()]
    return [(box["width"], box["height"]) for box in boxes if box]


@pytest.mark.exhaustive
def test_on_a_phone_the_bar_is_one_row_of_targets_for_fingers(phone: Page) -> None:
    expect(phone.locator("[data-live]")).to_be_visible()
    for late in (False, True):
        if late:
            phone.locator("[data-live]").evaluate(LATE)
        [(width, height)] = sizes(phone, ".topbar")
        assert (width, height <= ROW) == (PHONE["width"], True), f"{height} pixels"
        targets = sizes(phone, ".topbar :is(a, button)")
        assert len(targets) == 6
        assert all(side >= TARGET for one in targets for side in one), targets
        assert phone.evaluate(SIDEWAYS) <= 0


@pytest.mark.exhaustive
def test_the_menus_on_a_phone_contain_every_link_of_the_wide_bar(phone: Page, role: str, language: str) -> None:
    complaints = complaints_of(phone)
    menu, _start, sign_out = WORDS[language]
    for name, button in (("main-menu", menu), ("own-menu", "Ana Ruiz")):
        phone.get_by_role("button", name=button, exact=True).click()
        targets = sizes(phone, f"#{name} :is(a, button)")
        assert len(targets) == MENUS[name][role]
        assert all(side >= TARGET for one in targets for side in one), targets
        assert phone.evaluate(SIDEWAYS) <= 0
        assert violations(phone) == []
    phone.get_by_role("button", name=sign_out).click()
    phone.wait_for_url("**/login")
    assert complaints == []


def test_a_menu_needs_no_script_and_no_mouse(plain: Page) -> None:
    start = plain.locator("#main-menu").get_by_text("Start a job")
    expect(start).to_be_hidden()
    for key in ("Tab", "Tab", "Tab", "Enter"):  # past the way to the content, and the brand
        plain.keyboard.press(key)
    expect(start).to_be_visible()
    plain.keyboard.press("Escape")
    expect(start).to_be_hidden()
    for key in ("Enter", "Tab", "Tab", "Enter"):
        plain.keyboard.press(key)
    plain.wait_for_url("**/jobs/new")


@pytest.mark.exhaustive
def test_a_key_leads_where_a_closed_menu_leads(phone: Page) -> None:
    phone.keyboard.press("g")
    phone.keyboard.press("n")
    phone.wait_for_url("**/jobs/new")


@pytest.mark.exhaustive
def test_on_a_desk_the_menus_lie_open_in_the_bar(phone: Page, language: str) -> None:
    phone.set_viewport_size(DESK)
    menu, start, sign_out = WORDS[language]
    expect(phone.get_by_role("navigation").get_by_role("link", name=start)).to_be_visible()
    expect(phone.get_by_role("button", name=sign_out)).to_be_visible()
    expect(phone.get_by_role("button", name=menu, exact=True)).to_be_hidden()
    assert sizes(phone, ".topbar")[0][1] <= ROW
