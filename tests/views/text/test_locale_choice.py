import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from webapp.accounts.preferences import Preferences, save
from webapp.accounts.user import User
from webapp.services import Services

Client = Callable[[User], FlaskClient]


def choose(services: Services, user: User, **chosen: Any) -> None:
    save(services.engine, user.id, Preferences(**chosen))


def test_an_anonymous_page_uses_the_browsers_language(app: Flask) -> None:
    page = app.test_client().get("/login", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert '<html lang="de"' in page.text
    assert "Anmelden" in page.text
    assert page.headers["Content-Language"] == "de"
    assert "Accept-Language" in page.headers["Vary"]


@pytest.mark.parametrize("wish", ["fr", "", "*", "tlh;q=nonsense"])
def test_an_unsupported_language_falls_back_to_english(app: Flask, wish: str) -> None:
    page = app.test_client().get("/login", headers={"Accept-Language": wish})
    assert '<html lang="en"' in page.text
    assert "Sign in" in page.text


def test_the_users_choice_overrides_the_browser(services: Services, client_of: Client, user: User) -> None:
    choose(services, user, language="de")
    page = client_of(user).get("/me", headers={"Accept-Language": "en"})
    assert "Meine Einstellungen" in page.text


def test_error_pages_are_translated_too(services: Services, client_of: Client, user: User) -> None:
    choose(services, user, language="de")
    assert "Seite nicht gefunden" in client_of(user).get("/nowhere").text


def test_a_page_without_database_uses_the_browsers_language(
    client_of: Client, user: User, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(user)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(services.sessions, "find", away)
    page = client.get("/jobs", headers={"Accept-Language": "de"})
    assert page.status_code == 503
    assert 'lang="de"' in page.text
    assert page.headers["Content-Language"] == "de"


def test_another_language_changes_the_tag_of_a_page(services: Services, client_of: Client, user: User) -> None:
    client = client_of(user)
    [found] = re.findall(r'hx-get="(/jobs/_live[^"]*)"', client.get("/jobs").text)
    again = html.unescape(found)
    english = {"HX-PTag": client.get(again).headers["HX-PTag"]}
    assert client.get(again, headers=english).status_code == 304
    choose(services, user, language="de")
    assert client.get(again, headers=english).status_code == 200


def test_only_pages_have_a_language(app: Flask) -> None:
    answer = app.test_client().get("/static/live.js")
    assert "Content-Language" not in answer.headers
