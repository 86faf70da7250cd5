"""Signing in with a second factor, setting it up, and being required to."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyotp import TOTP
from redis import Redis
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.app import create_app
from webapp.config import Settings, load
from webapp.db.engine import reading, writing
from webapp.schema import audit, second_factors
from webapp.services import Services

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def settings(settings: Settings, valkey_url: str) -> Settings:
    Redis.from_url(valkey_url).flushdb()
    changed = {"second_factor_roles": "auditor, operator", "login_limit": "5 per day"}
    return settings.model_copy(update=changed)


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept the codes of these tests for as long as a slow machine needs."""
    monkeypatch.setattr("webapp.sign_in.second_factor.DRIFT", 100)
    monkeypatch.setattr("webapp.views.security.login.PENDING_LASTS", 86_400)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


@pytest.fixture
def codes(services: Services, user: User) -> tuple[str, ...]:
    codes = services.second_factors.switch_on(user.id, SECRET, TOTP(SECRET).now())
    with writing(services.engine) as connection:  # the tests use the code of this moment again
        connection.execute(update(second_factors).values(last_step=0))
    return codes


def give_password(
    browser: FlaskClient, password: str, name: str = "ana", then: str = "/login?next=/me"
) -> TestResponse:
    return browser.post(then, data={"name": name, "password": password})


def has_factor(services: Services, user: User) -> bool:
    found = services.accounts.get(user.id)
    return found is not None and found.has_second_factor


def assert_can_do_nothing(browser: FlaskClient, services: Services, user: User, led_to: str) -> None:
    job = services.jobs.create_user_job("job_history_export", {}, user.id)
    pages = ("/jobs", f"/jobs/{job.id}", f"/jobs/{job.id}/bundle.zip", "/jobs.csv", "/me", "/admin", "/api")
    for path in pages:
        answer = browser.get(path)
        assert (answer.status_code, urlsplit(answer.location).path) in {(302, led_to), (303, led_to)}, path
    polled = browser.get("/jobs/_live", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/jobs"})
    assert (polled.status_code, urlsplit(polled.headers["HX-Redirect"]).path) == (401, led_to)
    for path in (f"/jobs/{job.id}/stop", "/me/tokens", "/me/password", "/me/second-factor/remove"):
        assert urlsplit(browser.post(path).location).path == led_to, path
    assert browser.get("/api/v1/jobs").status_code == 401
    kept = services.jobs.get(job.id)
    assert not kept.is_finished


def shown_secret(page: str) -> str:
    [shown] = re.findall(r'<code class="secret">([A-Z2-7 ]+)</code>', page)
    return shown.replace(" ", "")


def newest_line(services: Services) -> tuple[str, str, Any]:
    with reading(services.engine) as connection:
        row = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
    return row.action, row.object_id, row.after


def test_after_the_password_a_code_is_asked_for(
    app: Flask, browser: FlaskClient, services: Services, user: User, password: str, codes: tuple[str, ...]
) -> None:
    asked = give_password(browser, password)
    assert (asked.status_code, asked.location) == (303, "/login/code?next=/me")
    assert_can_do_nothing(browser, services, user, "/login")
    code = TOTP(SECRET).now()
    response = browser.post(asked.location, data={"code": code})
    assert (response.status_code, response.location) == (303, "/me")
    assert newest_line(services) == ("sign_in", "ana", {"second_factor": "code"})

    browser.post("/logout")
    give_password(browser, password)
    second = app.test_client()
    give_password(second, password)
    for each in (browser, second):
        replayed = each.post("/login/code", data={"code": code})
        assert (replayed.status_code, "was used already" in replayed.text) == (422, True)
    assert newest_line(services) == ("sign_in_refused", "ana", {"second_factor": "wrong"})
    assert browser.post("/login/code", data={"code": codes[3]}).status_code == 303


def test_a_code_without_a_password_signs_nobody_in(
    app: Flask, browser: FlaskClient, user: User, password: str, codes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_password(browser, "a wrong password")
    for code in (codes[0], TOTP(SECRET).now(), "000000"):  # right or wrong: the answer is the same
        assert browser.post("/login/code", data={"code": code}).location == "/login"
    give_password(browser, password)
    monkeypatch.setattr("webapp.views.security.login.PENDING_LASTS", -1)
    assert browser.post("/login/code", data={"code": codes[0]}).location == "/login"


def test_guesses_are_limited_for_the_user_in_every_browser(
    app: Flask, browser: FlaskClient, services: Services, user: User, password: str, codes: tuple[str, ...]
) -> None:
    for _attempt in range(5):
        give_password(browser, password)
        assert browser.post("/login/code", data={"code": "000000"}).status_code == 422
    other = app.test_client()
    give_password(other, password)
    refused = other.post("/login/code", data={"code": codes[0]})
    assert (refused.status_code, "Too many attempts" in refused.text) == (429, True)
    assert services.second_factors.recovery_codes_left(user.id) == 10


def test_wrong_codes_of_a_day_are_counted_for_the_user(
    services: Services, password: str, codes: tuple[str, ...]
) -> None:
    generous = {"login_limit": "1000 per minute", "address_limit": "1000 per minute"}
    app = create_app(services.settings.model_copy(update=generous))
    app.config["WTF_CSRF_ENABLED"] = False
    browser = app.test_client()
    give_password(browser, password)
    answers = [browser.post("/login/code", data={"code": "000000"}) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [*[422] * 20, 429]
    assert re.search(r"Try again in \d+ hours?\.", answers[-1].text)


def test_a_user_sets_up_an_app_and_gets_recovery_codes_once(
    app: Flask,
    browser: FlaskClient,
    services: Services,
    user: User,
    password: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    give_password(browser, password)
    page = browser.get("/me/second-factor").text
    secret = shown_secret(page)
    assert "data:image/svg+xml" in page
    form = {"code": TOTP(secret).now(), "own_password": password}
    assert browser.post("/me/second-factor", data=form | {"own_password": "wrong"}).status_code == 422
    wrong = browser.post("/me/second-factor", data=form | {"code": "000000"})
    assert (wrong.status_code, "clock of your phone" in wrong.text) == (422, True)
    other_digits = browser.post("/me/second-factor", data=form | {"code": "\u0661\u0662\u0663\u0664\u0665\u0666"})
    assert other_digits.status_code == 422
    copied = app.test_client()
    copied.set_cookie("deskjob", browser.get_cookie("deskjob").value)
    assert browser.post("/me/second-factor", data=form).status_code == 303
    assert newest_line(services)[:2] == ("factor_on", "ana")
    assert copied.get("/me/second-factor").status_code == 302  # its cookie holds the secret
    shown = re.findall(r'<code class="secret">([a-z0-9-]{19})</code>', browser.get("/me/second-factor").text)
    assert len(shown) == 10
    again = browser.get("/me/second-factor").text
    assert "10 recovery codes are left." in again
    with reading(services.engine) as connection:
        recorded = str(connection.execute(select(audit)).all()) + caplog.text
    for known in (secret, *shown):
        assert known not in recorded + again.replace(" ", "")


def test_removing_a_factor_or_replacing_it_needs_password_and_a_code_of_it(
    browser: FlaskClient, services: Services, user: User, password: str, codes: tuple[str, ...]
) -> None:
    give_password(browser, password)
    browser.post("/login/code", data={"code": codes[0]})
    secret = shown_secret(browser.get("/me/second-factor").text)
    new_app = {"code": TOTP(secret).now(), "own_password": password}
    for missing in ({}, {"current_code": "000000"}, {"current_code": codes[0]}):
        for path, form in (("/me/second-factor", new_app), ("/me/second-factor/remove", {"own_password": password})):
            Redis.from_url(services.settings.redis).flushdb()
            refused = browser.post(path, data=form | missing)
            assert (refused.status_code, "This code is wrong" in refused.text) == (422, True)
    assert services.second_factors.recovery_codes_left(user.id) == 9
    browser.post("/me/second-factor", data=new_app | {"current_code": codes[1], "own_password": "wrong"})
    assert services.second_factors.recovery_codes_left(user.id) == 9  # a wrong password uses up no code
    replaced = browser.post("/me/second-factor", data=new_app | {"current_code": codes[1]})
    assert replaced.status_code == 303
    [code, *_rest] = re.findall(r'<code class="secret">([a-z0-9-]{19})</code>', browser.get(replaced.location).text)
    removed = browser.post("/me/second-factor/remove", data={"own_password": password, "current_code": code})
    assert (removed.status_code, has_factor(services, user)) == (303, False)
    assert newest_line(services)[:2] == ("factor_off", "ana")


def test_guesses_at_the_code_are_limited_in_a_session_too(
    browser: FlaskClient, services: Services, user: User, password: str, codes: tuple[str, ...]
) -> None:
    give_password(browser, password)
    browser.post("/login/code", data={"code": codes[0]})
    form = {"own_password": password, "current_code": "000000"}
    answers = [browser.post("/me/second-factor/remove", data=form).status_code for _ in range(6)]
    assert answers == [*[422] * 5, 429]
    form["current_code"] = codes[1]
    assert browser.post("/me/second-factor/remove", data=form).status_code == 429
    assert has_factor(services, user)


def test_users_without_a_password_have_no_page_for_it(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User]
) -> None:
    signed_on = client_of(person("sol", password_hash=""))
    assert signed_on.get("/me/second-factor").status_code == 404
    assert signed_on.post("/me/second-factor").status_code == 404


def test_a_role_that_requires_a_second_factor_leads_to_it_and_keeps_it(
    browser: FlaskClient, services: Services, person: Callable[..., User], password: str
) -> None:
    olga = person("olga", role="operator")
    give_password(browser, password, "olga")
    assert_can_do_nothing(browser, services, olga, "/me/second-factor")
    page = browser.get("/me/second-factor").text
    assert "main-menu" not in page  # nothing on it polls and loads the page again while somebody types
    assert "Your role requires a second factor." in page
    form = {"code": TOTP(shown_secret(page)).now(), "own_password": password}
    assert browser.post("/me/second-factor", data=form).status_code == 303
    assert browser.get("/me").status_code == 200
    kept = browser.post("/me/second-factor/remove", data={"own_password": password})
    assert (kept.status_code, "Your role requires a second factor." in kept.text) == (422, True)


def test_a_role_that_starts_to_require_one_binds_sessions_that_there_are_but_no_tokens(
    browser: FlaskClient, services: Services, user: User, password: str
) -> None:
    give_password(browser, password)
    assert browser.get("/me").status_code == 200
    _token, secret = services.tokens.add(user, "script", {Scope.READ})
    services.accounts.set_role("ana", "operator")
    assert browser.get("/me").location == "/me/second-factor"
    assert browser.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_users_who_signed_on_need_no_factor_here(
    app: Flask, services: Services, person: Callable[..., User], password: str
) -> None:
    olga = person("olga", role="operator")
    for signed_on, status in ((True, 200), (False, 303)):
        browser = app.test_client()
        with browser.session_transaction() as session:
            session["_user_id"] = services.sessions.begin(olga.id, signed_on=signed_on)
        assert browser.get("/me").status_code == status


def test_sessions_that_began_without_the_factor_end_when_it_is_set_up(
    app: Flask, browser: FlaskClient, user: User, password: str
) -> None:
    other = app.test_client()
    for each in (browser, other):
        give_password(each, password)
    secret = shown_secret(browser.get("/me/second-factor").text)
    browser.post("/me/second-factor", data={"code": TOTP(secret).now(), "own_password": password})
    assert (browser.get("/me").status_code, other.get("/me").status_code) == (200, 302)


def test_an_admin_removes_the_second_factor_of_somebody_who_lost_it(
    services: Services,
    client_of: Callable[[User], FlaskClient],
    admin: User,
    user: User,
    password: str,
    codes: tuple[str, ...],
) -> None:
    admins = client_of(admin)
    assert "Password and second factor" in admins.get(f"/admin/users/{user.id}").text
    address = f"/admin/users/{user.id}/second-factor"
    assert admins.post(address, data={"own_password": "wrong"}).status_code == 422
    assert has_factor(services, user)
    assert admins.post(address, data={"own_password": password}).status_code == 303
    assert not has_factor(services, user)
    assert newest_line(services)[:2] == ("factor_off", "ana")
    users = client_of(user)
    told = "An admin removed your second factor"
    assert told in users.get("/jobs").text
    assert users.post("/me/second-factor/removal-seen", data={"next": "/jobs"}).location == "/jobs"
    assert told not in users.get("/jobs").text


def test_admins_remove_their_own_factor_only_where_a_code_is_asked_for(
    services: Services, client_of: Callable[[User], FlaskClient], admin: User, password: str
) -> None:
    services.second_factors.switch_on(admin.id, SECRET, TOTP(SECRET).now())
    led = client_of(admin).post(f"/admin/users/{admin.id}/second-factor", data={"own_password": password})
    assert led.location == "/me/second-factor"
    _token, secret = services.tokens.add(admin, "script", {Scope.ADMIN})
    asked = {"path": f"/api/v1/users/{admin.id}/remove-second-factor", "headers": {"Authorization": f"Bearer {secret}"}}
    refused = client_of(admin).post(**asked)
    assert (refused.status_code, "a code is asked for there" in refused.json["detail"]) == (409, True)
    assert has_factor(services, admin)


def test_roles_that_do_not_exist_are_refused() -> None:
    with pytest.raises(Exception, match="DESKJOB_SECOND_FACTOR_ROLES cannot be used"):
        load(second_factor_roles="king")
