"""Sign-in by the header of a proxy: from listed addresses only, and only as long as the proxy names the user."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.accounts.user import Role, User
from webapp.app import create_app
from webapp.config import BadSettingError, Settings, load
from webapp.services import Services

PROXY, CLIENT = "10.0.0.1", "198.51.100.7"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    changes = {
        "trusted_proxies": "10.0.0.0/8",
        "sign_on_header": "X-Forwarded-User",
        "sign_on_groups_header": "X-Forwarded-Groups",
        "sign_on_roles": "staff=user, it=operator",
        "sign_on_logout_url": "/oauth2/sign_out",
    }
    return settings.model_copy(update=changes)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


def ask(browser: FlaskClient, path: str, user: str = "", *, remote: str = PROXY, **options: Any) -> TestResponse:
    headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Groups": "staff, it"}
    named = {"X-Forwarded-User": user} if user else {}
    sent = {"REMOTE_ADDR": remote}
    return browser.open(path, headers={**headers, **named}, environ_overrides=sent, **options)


def land(browser: FlaskClient, path: str, user: str = "", *, remote: str = PROXY) -> TestResponse:
    """Follow redirects, each of which the proxy passes on too."""
    while (response := ask(browser, path, user, remote=remote)).location:
        path = response.location
    return response


def test_a_listed_proxy_signs_its_user_in_and_leads_to_the_page(browser: FlaskClient, services: Services) -> None:
    landed = land(browser, "/me", "Zoe")
    assert (landed.status_code, landed.request.path) == (200, "/me")
    zoe = services.accounts.by_name("zoe")
    assert zoe is not None
    assert (zoe.role, zoe.has_password) == (Role.OPERATOR, False)
    [session] = services.sessions.of(zoe.id, "")
    assert session.address == CLIENT


@pytest.mark.parametrize("remote", ["192.0.2.1", "127.0.0.1", ""])
def test_the_header_counts_from_nobody_else(browser: FlaskClient, services: Services, remote: str) -> None:
    assert land(browser, "/me", "zoe", remote=remote).request.path == "/login"
    assert ask(browser, "/login/proxy", "zoe", remote=remote).status_code == 404
    assert services.accounts.by_name("zoe") is None


def test_a_session_ends_when_the_proxy_names_nobody_or_somebody_else(browser: FlaskClient) -> None:
    land(browser, "/me", "zoe")
    assert ask(browser, "/me", "zoe").status_code == 200
    assert ask(browser, "/me").status_code == 302
    assert ask(browser, "/me", "ben").status_code == 302
    assert "ben" in land(browser, "/me", "ben").text


def test_a_name_of_another_account_and_a_missing_role_are_refused_with_a_sentence(
    app: Flask, browser: FlaskClient, person: Callable[..., User]
) -> None:
    person("ana", role="admin")
    refused = land(browser, "/login", "ana")
    assert (refused.status_code, "Another account is already named ana." in refused.text) == (422, True)
    refused = land(browser, "/login", "a b")
    assert (refused.status_code, "A username" in refused.text) == (422, True)


def test_signing_out_leads_to_the_proxy(browser: FlaskClient) -> None:
    land(browser, "/me", "zoe")
    page = ask(browser, "/logout", "zoe", method="POST")
    assert (page.status_code, 'href="/oauth2/sign_out"' in page.text) == (200, True)


def test_changes_need_no_further_confirmation(browser: FlaskClient, services: Services) -> None:
    land(browser, "/me", "zoe")
    form = {"name": "nightly", "scope": "read", "lifetime": "90"}
    assert ask(browser, "/me/tokens", "zoe", method="POST", data=form).status_code == 303


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sign_on_header": "X-User"}, "DESKJOB_TRUSTED_PROXIES"),
        ({"sign_on_header": "X-User", "trusted_proxies": "1"}, "not their number"),
        ({"sign_on_groups_header": "X-Groups"}, "needs DESKJOB_SIGN_ON_HEADER"),
    ],
)
def test_a_header_from_everybody_stops_the_start(settings: Settings, changes: dict[str, str], sentence: str) -> None:
    without = {"sign_on_header": "", "sign_on_groups_header": "", "trusted_proxies": ""}
    with pytest.raises(BadSettingError, match=sentence):
        create_app(settings.model_copy(update={**without, **changes}))


@pytest.mark.parametrize("changes", [{"sign_on_header": "X User"}, {"sign_on_logout_url": "//evil.example"}])
def test_a_bad_setting_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadSettingError, match="DESKJOB_SIGN_ON_"):
        load(**changes)
