"""Single sign-on in a browser: there, back, and out. The site is below a path."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyotp import TOTP
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from tests.sign_in.openid_server import CLIENT, OpenIdServer, serving
from tests.wrong_clock import BOTH_WAYS, wrong_clock
from webapp.accounts.user import Role, User
from webapp.config import Settings
from webapp.db.engine import reading, writing
from webapp.schema import audit, later, sessions
from webapp.services import Services
from webapp.views.security.single_sign_on import single_sign_on

SITE = "http://localhost/office"
_IDS = ("sub", "nonce")


@pytest.fixture
def openid() -> Any:
    with serving() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, openid: OpenIdServer) -> Settings:
    openid.claims |= {"groups": ["it-ops"], "org": "north"}
    changes = {
        "public_url": SITE,
        "oidc_issuer": openid.issuer,
        "oidc_client_id": CLIENT,
        "oidc_label": "Example ID",
        "oidc_role_claim": "groups",
        "oidc_tenant_claim": "org",
        "sign_on_roles": "it-ops=operator, it-admins=admin",
        "break_glass_admin": "keeper",
    }
    return settings.model_copy(update=changes)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def begin(browser: FlaskClient, openid: OpenIdServer, then: str = "/me?tab=1") -> str:
    """Go to the provider; return the state with which it sends the browser back."""
    there = browser.get("/office/login/sign-on", query_string={"next": then})
    assert there.status_code == 303
    sent = parse_qs(urlsplit(there.location).query)
    assert sent["redirect_uri"] == [f"{SITE}/login/callback"]
    openid.nonce = sent["nonce"][0]
    return sent["state"][0]


def come_back(browser: FlaskClient, state: str, **changes: str) -> TestResponse:
    return browser.get("/office/login/callback", query_string={"state": state, "code": "c", **changes})


def sign_on(browser: FlaskClient, openid: OpenIdServer, then: str = "/me?tab=1") -> TestResponse:
    return come_back(browser, begin(browser, openid, then))


def newest_line(services: Services) -> tuple[str, str, Any]:
    with reading(services.engine) as connection:
        row = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
    return row.action, row.object_id, row.after


def test_the_page_of_sign_in_offers_the_service_by_its_name(browser: FlaskClient) -> None:
    page = browser.get("/office/login?next=/me").text
    assert 'href="/office/login/sign-on?next=/me"' in page
    assert "Sign in with Example ID" in page
    assert "For the emergency admin" in page


def test_a_user_is_created_signed_in_and_led_to_where_they_wanted(
    browser: FlaskClient, openid: OpenIdServer, services: Services
) -> None:
    response = sign_on(browser, openid)
    assert (response.status_code, response.location) == (303, "/office/me?tab=1")
    ana = services.accounts.by_name("ana")
    assert ana is not None
    assert (ana.role, ana.tenant, ana.full_name) == (Role.OPERATOR, "north", "Ana Ruiz")
    page = browser.get("/office/me").text
    assert "Single sign-on" in page
    assert "Current password" not in page
    assert newest_line(services) == ("sign_in", "ana", {"sign_on": openid.issuer})


def test_claims_are_read_again_at_each_sign_in(browser: FlaskClient, openid: OpenIdServer, services: Services) -> None:
    sign_on(browser, openid)
    openid.claims |= {"groups": ["it-admins"], "org": None}
    sign_on(browser, openid)
    ana = services.accounts.by_name("ana")
    assert ana is not None
    assert (ana.role, ana.tenant) == (Role.ADMIN, None)


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/x", "/\\evil.example", "x" * 5000])
def test_the_way_back_never_leads_to_another_site(browser: FlaskClient, openid: OpenIdServer, elsewhere: str) -> None:
    assert sign_on(browser, openid, elsewhere).location in {"/office/jobs/new", "/office/admin"}


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    app: Flask, browser: FlaskClient, openid: OpenIdServer, services: Services
) -> None:
    state = begin(browser, openid)
    stolen = come_back(app.test_client(), state)
    assert (stolen.status_code, "started in another browser" in stolen.text) == (422, True)
    assert come_back(browser, "x" * 30).status_code == 422
    assert come_back(browser, state).status_code == 303
    replayed = come_back(browser, state)
    assert (replayed.status_code, "is already over" in replayed.text) == (422, True)
    assert count_of_sessions(services) == 1


def count_of_sessions(services: Services) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).select_from(sessions)).scalar_one()


def test_several_tabs_can_sign_in_at_once(browser: FlaskClient, openid: OpenIdServer) -> None:
    first = begin(browser, openid)
    nonce = openid.nonce
    begin(browser, openid)
    openid.nonce = nonce
    assert come_back(browser, first).status_code == 303


def test_a_sign_in_that_took_too_long_starts_again(
    browser: FlaskClient, openid: OpenIdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = begin(browser, openid)
    monkeypatch.setattr("webapp.sign_in.sign_on_attempt.ATTEMPT_LASTS", -1)
    assert "has expired" in come_back(browser, state).text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"groups": ["guests"]}, "no role for Deskjob"),
        ({"org": ["north", "south"]}, "several tenants"),
        ({"preferred_username": "a b"}, "A username must have"),
        ({"aud": "wiki"}, "meant for another application"),
        ({"exp": 1}, "has expired"),
        ({"iss": "https://other.example"}, "could not be verified"),
    ],
)
def test_a_refusal_says_why_and_leaves_no_account(
    browser: FlaskClient, openid: OpenIdServer, services: Services, changes: dict[str, Any], sentence: str
) -> None:
    openid.claims |= changes
    response = sign_on(browser, openid)
    assert response.status_code == 422
    assert sentence in response.text
    assert services.accounts.by_name("ana") is None
    assert newest_line(services)[0] == "sign_in_refused"
    assert browser.get("/office/me").status_code == 302


def test_what_the_provider_says_in_the_address_is_not_shown(browser: FlaskClient, openid: OpenIdServer) -> None:
    state = begin(browser, openid)
    response = come_back(browser, state, error="access_denied", error_description="<b>call 0900</b>")
    assert (response.status_code, "0900" in response.text) == (422, False)
    assert "did not sign you in" in response.text


def test_while_the_provider_is_away_the_emergency_admin_can_sign_in(
    browser: FlaskClient,
    openid: OpenIdServer,
    services: Services,
    person: Callable[..., User],
    app: Flask,
    password: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    person("keeper", role="admin")
    person("ben", role="admin")
    app.config["WTF_CSRF_ENABLED"] = False
    openid.answers["/.well-known/openid-configuration"] = (503, b"")
    away = browser.get("/office/login/sign-on")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "60")
    assert "does not answer" in away.text
    refused = browser.post("/office/login", data={"name": "ben", "password": password})
    assert (refused.status_code, "Incorrect username or password." in refused.text) == (422, True)
    assert browser.post("/office/login", data={"name": "keeper", "password": password}).status_code == 303
    assert newest_line(services)[:2] == ("break_glass", "keeper")
    assert "The emergency admin 'keeper' signed in with a password" in caplog.text
    assert "You are signed in as the emergency admin." in browser.get("/office/me").text


def test_the_emergency_admin_is_asked_for_the_second_factor_too(
    app: Flask, browser: FlaskClient, services: Services, person: Callable[..., User], password: str
) -> None:
    keeper, secret = person("keeper", role="admin"), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    [code, *_others] = services.second_factors.switch_on(keeper.id, secret, TOTP(secret).now())
    app.config["WTF_CSRF_ENABLED"] = False
    asked = browser.post("/office/login", data={"name": "keeper", "password": password})
    assert asked.location.startswith("/office/login/code")
    assert browser.post("/office/login/code", data={"code": code}).status_code == 303
    assert newest_line(services) == ("break_glass", "keeper", {"second_factor": "recovery_code"})


def test_signing_out_leads_out_of_the_provider_too(
    app: Flask, browser: FlaskClient, openid: OpenIdServer, services: Services
) -> None:
    sign_on(browser, openid)
    app.config["WTF_CSRF_ENABLED"] = False
    page = browser.post("/office/logout")
    assert page.status_code == 200
    assert f"{openid.issuer}/logout?id_token_hint=" in page.text
    assert "post_logout_redirect_uri=http%3A%2F%2Flocalhost%2Foffice%2Flogin" in page.text
    assert count_of_sessions(services) == 0


def test_signing_out_works_without_the_provider(app: Flask, browser: FlaskClient, openid: OpenIdServer) -> None:
    sign_on(browser, openid)
    app.config["WTF_CSRF_ENABLED"] = False
    openid.metadata["end_session_endpoint"] = None
    sso = single_sign_on()
    assert sso is not None
    sso.provider._client = sso.provider._new_client()
    assert browser.post("/office/logout").location == "/office/login"


def test_the_id_token_is_stored_encrypted_and_no_token_is_logged(
    browser: FlaskClient, openid: OpenIdServer, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sign_on(browser, openid)
    with reading(services.engine) as connection:
        [stored] = connection.execute(select(sessions.c.id_token)).scalars()
    token = services.vault.decrypt(stored)
    assert token.count(".") == 2
    assert token not in str(stored)
    assert token.rpartition(".")[2] not in caplog.text


def test_a_user_without_a_password_confirms_changes_at_the_provider(
    app: Flask, browser: FlaskClient, openid: OpenIdServer, services: Services
) -> None:
    openid.claims |= {"groups": ["it-admins"], "org": None}
    sign_on(browser, openid)
    app.config["WTF_CSRF_ENABLED"] = False
    add = {"name": "newcomer", "role": "user"}
    assert "need not confirm" in browser.get("/office/admin/users/new").text
    assert browser.post("/office/admin/users/new", data=add).status_code == 303

    with writing(services.engine) as connection:
        connection.execute(update(sessions).values(created_at=later(-3600)))
    page = browser.get("/office/admin/users/new").text
    assert "/office/login/sign-on?confirm=1&amp;next=/admin/users/new" in page
    refused = browser.post("/office/admin/users/new", data=add | {"name": "second"})
    assert (refused.status_code, "Confirm first that it is you." in refused.text) == (422, True)
    assert services.accounts.by_name("second") is None


@BOTH_WAYS
def test_a_web_server_with_a_wrong_clock_signs_users_on(
    browser: FlaskClient, openid: OpenIdServer, by: timedelta
) -> None:
    began = datetime.now(UTC).timestamp()
    openid.claims |= {"iat": began, "exp": began + 300}  # by the right clock of the provider
    with wrong_clock(by):
        state = begin(browser, openid)
    assert come_back(browser, state).status_code == 303
    browser.delete_cookie("deskjob", path="/office")
    state = begin(browser, openid)
    with wrong_clock(by):
        assert come_back(browser, state).status_code == 303
        assert browser.get("/office/me").status_code == 200


@BOTH_WAYS
def test_a_provider_with_a_wrong_clock_is_refused_with_a_sentence(
    browser: FlaskClient, openid: OpenIdServer, caplog: pytest.LogCaptureFixture, by: timedelta
) -> None:
    at = (datetime.now(UTC) + by).timestamp()
    openid.claims |= {"iat": at, "exp": at + 300}
    page = sign_on(browser, openid)
    assert page.status_code == 422
    assert "tell an admin that the clock of the service or that of Deskjob is wrong" in page.text
    assert "sent an ID token that was refused" in caplog.text
