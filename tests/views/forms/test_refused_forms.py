"""A form that is refused comes back with the focus on what is wrong, however far down the page that is."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page

from webapp.accounts.user import User

FOCUSED = re.compile(r"<(?:p|div|input|select|textarea)\b[^>]*\sautofocus[\s>]")
WRONG = {"own_password": "not this one at all"}
REFUSED = {
    "/me/tokens": WRONG,
    "/me/second-factor": WRONG | {"code": "123456"},
    "/admin/tokens": WRONG,
    "/admin/users/new": WRONG | {"name": "ana", "role": "user"},
    "/admin/webhooks": WRONG,
    "/admin/groups": {"name": ""},
    "/admin/queues/default/limit": {"limit": "many"},
    "/admin/queues/default/pause": {"reason": ""},
    "/admin/budgets/role:operator": {"jobs": "many"},
}


@pytest.mark.parametrize(("path", "form"), REFUSED.items())
def test_a_refused_form_has_the_focus_on_what_is_wrong(
    path: str, form: dict[str, str], admins: FlaskClient, password: str
) -> None:
    admins.post(
        "/admin/users/new", data={"name": "robot", "role": "user", "service": "1", "own_password": password}
    )  # whose token /admin/tokens creates
    answer = admins.post(path, data=form)
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    assert answer.status_code == 422
    assert FOCUSED.search(main), main
    assert answer.text.count("<h1") == 1
    heading = answer.text.partition("<h1")[2].partition("</h1>")[0]
    assert not re.search(r"\bnot\b", heading, re.IGNORECASE), "the title says that it was refused"


@pytest.mark.browser
def test_a_wrong_password_at_the_end_of_a_long_form_is_in_view(
    open_page: Callable[..., Page], person: Callable[..., User]
) -> None:
    page = open_page(person("ana"), viewport={"width": 390, "height": 500})
    page.goto("/me/tokens")
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("Your password").fill(WRONG["own_password"])
    page.get_by_role("button", name="Create token").click()
    field = page.get_by_label("Your password")
    assert field.evaluate("field => field === document.activeElement")
    box = field.bounding_box()
    assert box
    assert 0 < box["y"] < 500
