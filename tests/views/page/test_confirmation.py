"""A confirmation is the same in a dialog and on a page, and never focuses the harmful button."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.views.page.confirmation import Confirmation, render_confirmation

ASKED = Confirmation(
    title="Stop 2 jobs?",
    effect="They are asked to stop.",
    action="Stop them",
    keep="Keep them running",
    post="/stop",
    back="/jobs",
    fields=(("id", "1"), ("id", "2")),
)


@pytest.fixture
def client(app: Flask, client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    app.add_url_rule("/sure", "sure", lambda: render_confirmation(ASKED))
    app.add_url_rule("/never", "never", lambda: render_confirmation(replace(ASKED, refusal="They have ended.")))
    return client_of(user)


def test_without_htmx_a_page_asks_and_leads_back(client: FlaskClient) -> None:
    page = client.get("/sure").text
    assert "<main" in page
    assert "<title>Stop 2 jobs? · Deskjob</title>" in page
    assert '<a class="button" href="/jobs" autofocus>Keep them running</a>' in page
    assert page.count('name="id"') == 2


def test_with_htmx_a_dialog_asks_and_the_harmless_button_has_the_focus(client: FlaskClient) -> None:
    dialog = client.get("/sure", headers={"HX-Request": "true"}).text
    assert dialog.lstrip().startswith("<dialog")
    assert "<main" not in dialog
    assert '<button class="button" formmethod="dialog" formnovalidate autofocus>Keep them running' in dialog
    assert 'action="/stop"' in dialog


def test_a_refused_action_is_disabled_with_its_reason(client: FlaskClient) -> None:
    page = client.get("/never").text
    assert '<button class="button button--danger" disabled aria-describedby="dialog-refusal">' in page
    assert "They have ended." in page
