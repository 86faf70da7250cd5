from collections.abc import Callable

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from webapp.accounts.permissions import Right
from webapp.accounts.user import User
from webapp.views.page.permissions import require

BUTTON = '{% from "page/_rights.html" import act %}{{ act(Right.RUN_QUEUES, "Pause") }}'


@pytest.fixture
def browser_of(
    app: Flask, person: Callable[..., User], client_of: Callable[[User], FlaskClient]
) -> Callable[..., FlaskClient]:
    """Give a browser of somebody in this role, in an application with a button, its verb and a page."""
    app.add_url_rule("/button", view_func=lambda: render_template_string(BUTTON), endpoint="button")
    app.add_url_rule("/pause", view_func=require(Right.RUN_QUEUES)(lambda: "paused"), methods=["POST"], endpoint="do")
    app.add_url_rule("/page", view_func=require(Right.SEE_INSTALLATION)(lambda: "seen"), endpoint="page")
    return lambda role, **more: client_of(person(f"the-{role}", role=role, **more))


def test_a_hidden_page_is_not_found(browser_of: Callable[..., FlaskClient]) -> None:
    user = browser_of("user")
    assert user.get("/page").status_code == user.post("/pause").status_code == 404


def test_a_user_without_the_right_sees_the_reason(browser_of: Callable[..., FlaskClient]) -> None:
    auditor = browser_of("auditor")
    assert auditor.get("/page").text == "seen"
    assert "disabled" in auditor.get("/button").text
    refused = auditor.post("/pause")
    assert refused.status_code == 403
    for text in (refused.text, auditor.get("/button").text):
        assert "Only operators and admins can do this." in text


def test_a_user_with_the_right_can_act(browser_of: Callable[..., FlaskClient]) -> None:
    operator = browser_of("operator")
    assert operator.post("/pause").text == "paused"
    assert "disabled" not in operator.get("/button").text


def test_an_admin_of_a_tenant_does_not_see_the_installation(browser_of: Callable[..., FlaskClient]) -> None:
    assert browser_of("admin", tenant="north").get("/page").status_code == 404
