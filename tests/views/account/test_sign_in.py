import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from redis import Redis
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from webapp.accounts.user import User
from webapp.config import Settings
from webapp.schema import sessions
from webapp.services import Services


@pytest.fixture
def settings(settings: Settings, valkey_url: str) -> Iterator[Settings]:
    Redis.from_url(valkey_url).flushdb()
    yield settings
    Redis.from_url(valkey_url).flushdb()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    app.add_url_rule("/sample", "sample", lambda: "a page")
    app.add_url_rule("/token", "token", generate_csrf)
    return app.test_client()


def token_on(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found
    return found[1]


def sign_in(browser: FlaskClient, name: str, password: str, address: str = "/login") -> TestResponse:
    form = {"name": name, "password": password, "csrf_token": token_on(browser.get(address))}
    return browser.post(address, data=form)


def sign_out(browser: FlaskClient) -> TestResponse:
    return browser.post("/logout", data={"csrf_token": browser.get("/token").text})


def count_of_sessions(services: Services) -> int:
    with services.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(sessions)).scalar_one()


def test_sign_in_leads_a_user_without_jobs_to_the_job_types(
    browser: FlaskClient, user: User, password: str, database: str
) -> None:
    response = sign_in(browser, "Ana", password)
    assert (response.status_code, response.location) == (303, "/jobs/new")
    assert browser.get("/sample").text == "a page"


@pytest.mark.parametrize("role", ["auditor", "operator", "admin"])
def test_users_who_see_the_installation_land_on_the_overview(
    browser: FlaskClient, person: Callable[..., User], password: str, role: str
) -> None:
    person("olga", role=role)
    assert sign_in(browser, "olga", password).location == "/admin"
    assert browser.get("/login").location == "/admin"
    assert browser.get("/").location == "/admin"


def test_sign_in_leads_to_the_requested_page(browser: FlaskClient, user: User, password: str) -> None:
    asked = browser.get("/sample?a=b&c=d").location
    form = re.search(r'action="([^"]+)"', browser.get(asked).text)
    assert form
    assert parse_qs(urlsplit(form[1]).query) == {"next": ["/sample?a=b&c=d"]}
    assert sign_in(browser, "ana", password, asked).location == "/sample?a=b&c=d"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "/%09/evil.example"]
)
def test_sign_in_never_redirects_to_another_site(
    browser: FlaskClient, user: User, password: str, elsewhere: str
) -> None:
    assert sign_in(browser, "ana", password, f"/login?next={elsewhere}").location == "/jobs/new"
    assert browser.get(f"/login?next={elsewhere}").location == "/jobs/new"


@pytest.mark.parametrize(
    ("name", "typed"), [("ana", "wrong password"), ("nobody", "wrong password"), ("a\0b", "wrong password"), ("", "")]
)
def test_every_refused_sign_in_shows_the_same_page(browser: FlaskClient, user: User, name: str, typed: str) -> None:
    response = sign_in(browser, name, typed)
    assert response.status_code == 422
    assert '<p class="error-summary" role="alert">Incorrect username or password.</p>' in response.text
    assert not typed or typed not in response.text


def test_the_name_that_was_typed_is_kept_and_escaped(browser: FlaskClient) -> None:
    text = sign_in(browser, '"><script>alert(1)</script>', "wrong password").text
    assert 'value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in text
    assert "<script>alert" not in text


def test_a_disabled_user_sees_the_same_refusal(
    services: Services, browser: FlaskClient, user: User, password: str
) -> None:
    services.accounts.disable("ana")
    assert "Incorrect username or password." in sign_in(browser, "ana", password).text


def test_a_signed_in_user_skips_the_sign_in_page(client_of: Callable[[User], FlaskClient], user: User) -> None:
    response = client_of(user).get("/login")
    assert (response.status_code, response.location) == (303, "/jobs/new")


def test_each_sign_in_starts_a_new_session(services: Services, browser: FlaskClient, user: User, password: str) -> None:
    with browser.session_transaction() as session:
        session["_user_id"] = planted = services.sessions.begin(user.id)
    services.sessions.end(planted)
    sign_in(browser, "ana", password)
    with browser.session_transaction() as session:
        assert session["_user_id"] != planted
        assert services.sessions.find(session["_user_id"]) == user


def test_signing_in_again_ends_the_session_before(
    services: Services, client_of: Callable[[User], FlaskClient], user: User, admin: User, password: str
) -> None:
    client = client_of(user)
    response = client.post("/login", data={"name": "root", "password": password})
    assert response.status_code == 303
    assert count_of_sessions(services) == 1
    with client.session_transaction() as session:
        assert services.sessions.find(session["_user_id"]) == admin
        assert "csrf_token" not in session


def test_a_copied_cookie_is_dead_after_signing_out(
    app: Flask, browser: FlaskClient, user: User, password: str, database: str
) -> None:
    sign_in(browser, "ana", password)
    copy = app.test_client()
    copied = browser.get_cookie("deskjob")
    assert copied
    copy.set_cookie("deskjob", copied.value)
    assert copy.get("/sample").status_code == 200
    sign_out(browser)
    assert copy.get("/sample").location == "/login?next=/sample"


def test_signing_out_clears_the_browsers_cache(
    services: Services, browser: FlaskClient, user: User, password: str
) -> None:
    sign_in(browser, "ana", password)
    response = sign_out(browser)
    assert (response.status_code, response.location) == (303, "/login")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert browser.get_cookie("deskjob") is None
    assert count_of_sessions(services) == 0
    assert "session has ended" not in browser.get("/login").text


def test_signing_out_needs_a_form(client_of: Callable[[User], FlaskClient], user: User) -> None:
    client = client_of(user)
    assert client.get("/logout").status_code == 405


def test_sign_ins_are_logged_with_name_and_address(
    browser: FlaskClient, user: User, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sign_in(browser, "ana\r\nroot", "wrong password")
    sign_in(browser, "ana", password)
    said = [record.getMessage() for record in caplog.records if record.name == "webapp.views.account.sign_in"]
    assert said == [r"Sign-in refused for 'ana\r\nroot' from 127.0.0.1", "User 'ana' signed in from 127.0.0.1"]
    assert password not in caplog.text


def test_a_user_without_a_time_zone_is_offered_that_of_the_browser(
    browser: FlaskClient, user: User, password: str
) -> None:
    for zone, told in (("Asia/Tokyo", True), ("UTC", False), ("<b>", False), ("", False)):
        form = {"name": user.name, "password": password, "browser_zone": zone}
        form["csrf_token"] = token_on(browser.get("/login"))
        assert browser.post("/login", data=form).status_code == 303
        page = browser.get("/me").text
        assert ("Times are shown in UTC, but this browser uses Asia/Tokyo." in page) is told, zone
        sign_out(browser)
