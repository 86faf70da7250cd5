"""Web servers with different clocks: a browser that is answered by one and then by the other stays signed in."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyotp import TOTP
from redis import Redis
from sqlalchemy import update
from werkzeug.test import TestResponse

from tests.wrong_clock import AHEAD, BEHIND, wrong_clock
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.db.engine import writing
from webapp.schema import later, sessions
from webapp.services import Services

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
Server = Callable[[], AbstractContextManager[None]]
# The server that answers the first request, and the one that answers the next
SERVERS: dict[str, tuple[Server, Server]] = {
    "from ahead to right": (lambda: wrong_clock(AHEAD), nullcontext),
    "from right to ahead": (nullcontext, lambda: wrong_clock(AHEAD)),
    "from behind to right": (lambda: wrong_clock(BEHIND), nullcontext),
    "from right to behind": (nullcontext, lambda: wrong_clock(BEHIND)),
    "ahead": (lambda: wrong_clock(AHEAD), lambda: wrong_clock(AHEAD)),
    "behind": (lambda: wrong_clock(BEHIND), lambda: wrong_clock(BEHIND)),
}
on_two_servers = pytest.mark.parametrize(("first", "second"), SERVERS.values(), ids=SERVERS)


@pytest.fixture
def settings(settings: Settings, valkey_url: str) -> Iterator[Settings]:
    Redis.from_url(valkey_url).flushdb()
    yield settings
    Redis.from_url(valkey_url).flushdb()


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept codes for half an hour, as long as a slow machine needs and less than a clock here is wrong."""
    monkeypatch.setattr("webapp.sign_in.second_factor.DRIFT", 60)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def token_on(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found
    return found[1]


def form(browser: FlaskClient, address: str, **values: Any) -> dict[str, Any]:
    return {"csrf_token": token_on(browser.get(address)), **values}


@on_two_servers
def test_a_session_lasts_on_each_server(
    browser: FlaskClient, user: User, password: str, first: Server, second: Server
) -> None:
    with first():
        filled = form(browser, "/login", name="ana", password=password)
    with second():
        assert browser.post("/login", data=filled).status_code == 303  # the token of a form counts there too
    with first():
        assert browser.get("/me").status_code == 200
    with second():
        assert browser.get("/me").status_code == 200


@on_two_servers
def test_a_session_ends_by_the_clock_of_the_database(
    browser: FlaskClient,
    services: Services,
    user: User,
    password: str,
    first: Server,
    second: Server,
) -> None:
    with first():
        browser.post("/login", data=form(browser, "/login", name="ana", password=password))
    idle = services.settings.session_idle_seconds
    for ago, status in ((idle - 600.0, 200), (idle + 600.0, 302)):
        with writing(services.engine) as connection:
            connection.execute(update(sessions).values(seen_at=later(-ago)))
        with second():
            assert browser.get("/me").status_code == status


@on_two_servers
def test_a_second_factor_follows_the_password_on_another_server(
    browser: FlaskClient, services: Services, user: User, password: str, first: Server, second: Server
) -> None:
    with first():
        services.second_factors.switch_on(user.id, SECRET, code_at(services, -1))
        asked = browser.post("/login", data=form(browser, "/login", name="ana", password=password))
        assert asked.location == "/login/code"
    with second():
        given = browser.post("/login/code", data=form(browser, "/login/code", code=code_at(services, 1)))
        assert given.status_code == 303
        assert browser.get("/me").status_code == 200


def code_at(services: Services, steps: int) -> str:
    """Return the code that a phone with the right clock shows so many steps later."""
    at: datetime = services.queries.jobs.now() + timedelta(seconds=30 * steps)
    return TOTP(SECRET).at(at)
