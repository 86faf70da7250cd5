"""The matrix of roles, routes and methods: every route has its access rule, and every change is audited."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from tests.exhaustive import exhaustive, share
from tests.views.page.url_access import EVERYBODY, IN, LOGIN, NONE, ROUTES, UNAUDITED, WHY, Answer
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.db.engine import reading, writing
from webapp.schema import audit, users
from webapp.services import Services
from webapp.views.page.problem_details import API_ROOT

READS = {"HEAD", "OPTIONS"}
ADDRESS = "192.0.2.7"
# By default each route is opened by one kind of user, each of them in turn; with `--all` by everybody
SHARES = [
    case
    for who in EVERYBODY
    for case in (pytest.param(who, len(EVERYBODY), id=f"{who}-some"), exhaustive(who, 1, id=who))
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"login_limit": "100000 per minute", "address_limit": "100000 per minute"})


class Clients:
    """A client for each kind of user. Reads share one; each change gets a new one, as some changes sign out."""

    def __init__(
        self, app: Flask, services: Services, people: dict[str, User], client_of: Callable[[User], FlaskClient]
    ) -> None:
        self._app, self._services, self._people, self._client_of = app, services, people, client_of
        self._readers: dict[str, FlaskClient] = {}

    def of(self, who: str, method: str) -> FlaskClient:
        if method != "GET":
            self._readers.pop(who, None)
            return self._sign_in(who)
        if who not in self._readers:
            self._readers[who] = self._sign_in(who)
        return self._readers[who]

    def _sign_in(self, who: str) -> FlaskClient:
        if who == "nobody":
            return self._app.test_client()
        with writing(self._services.engine) as connection:
            connection.execute(update(users).where(users.c.name == who).values(active=True))
        client = self._client_of(self._people[who])
        if who == "disabled":
            with writing(self._services.engine) as connection:
                connection.execute(update(users).where(users.c.name == who).values(active=False))
        return client


@pytest.fixture
def clients(
    app: Flask, services: Services, people: dict[str, User], client_of: Callable[[User], FlaskClient]
) -> Clients:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return Clients(app, services, people, client_of)


def every_route(app: Flask) -> Iterator[tuple[str, str]]:
    pages = (rule for rule in app.url_map.iter_rules() if not str(rule).startswith(API_ROOT))  # tests/api has its own
    for rule in pages:
        for method in sorted((rule.methods or set()) - READS):
            yield rule.endpoint, method


def answer(response: TestResponse) -> Answer:
    if response.status_code in {302, 303, 401} and urlsplit(response.location or "").path == "/login":
        return LOGIN
    return {403: WHY, 404: NONE}.get(response.status_code, IN)


def test_every_route_has_an_access_rule(app: Flask) -> None:
    assert set(every_route(app)) == set(ROUTES)


@pytest.mark.parametrize(("who", "every"), SHARES)
def test_each_route_answers_by_its_access_rule(
    app: Flask, clients: Clients, address_of: Callable[[str, str], str], who: str, every: int
) -> None:
    wrong = []
    for (endpoint, method), route in share(ROUTES.items(), EVERYBODY.index(who), every):
        response = clients.of(who, method).open(address_of(endpoint, method), method=method)
        expected, got = route.access[who], answer(response)
        if endpoint == "auth.logout":
            continue  # it redirects everybody to the sign-in page
        assert response.status_code < 500, (endpoint, method, who)
        if got is not expected:
            wrong.append((endpoint, method, expected, response.status_code))
        if got is WHY:
            assert "can do this." in response.text, (endpoint, "a refusal says who can")
    assert wrong == []


def test_every_change_writes_one_audit_line_with_actor_action_and_address(
    app: Flask, clients: Clients, services: Services, address_of: Callable[[str, str], str]
) -> None:
    for (endpoint, method), route in ROUTES.items():
        if method == "GET" or (endpoint, method) in UNAUDITED:
            continue
        assert route.action, (endpoint, method, "name its action, or say in UNAUDITED why it has none")
        before = lines(services)
        client = clients.of(route.as_whom if endpoint != "auth.login" else "nobody", method)
        if endpoint == "auth.login":
            app.config["WTF_CSRF_ENABLED"] = False
        response = client.open(
            address_of(endpoint, method), method=method, data=route.form, environ_overrides={"REMOTE_ADDR": ADDRESS}
        )
        app.config["WTF_CSRF_ENABLED"] = True
        assert response.status_code in {200, 303}, (endpoint, response.status_code, response.text)
        assert lines(services) == before + 1, endpoint
        line = newest(services)
        assert (line.action, line.actor, line.address) == (route.action, route.as_whom, ADDRESS), endpoint


def test_a_refused_request_changes_nothing_and_is_not_audited(
    app: Flask, clients: Clients, services: Services, address_of: Callable[[str, str], str], thorough: bool
) -> None:
    """By default, every third pair of a route and a user that it refuses."""
    refused = [(key, who) for key, route in ROUTES.items() for who in EVERYBODY if route.access[who] in {WHY, NONE}]
    for (endpoint, method), who in refused if thorough else refused[::3]:
        if method != "GET":
            clients.of(who, method).open(
                address_of(endpoint, method), method=method, data=ROUTES[endpoint, method].form
            )
    assert lines(services) == 0
    assert services.disabled_types.all() == {}
    assert services.queues.get("default").paused_at is None


@pytest.mark.exhaustive
def test_a_head_request_changes_nothing_where_a_post_does(
    app: Flask, clients: Clients, services: Services, address_of: Callable[[str, str], str]
) -> None:
    for (endpoint, method), route in ROUTES.items():
        if method == "POST" and (endpoint, "GET") in ROUTES:
            client = clients.of(route.as_whom, method)
            client.open(address_of(endpoint, method), method="HEAD", data=route.form)
            assert lines(services) == 0, endpoint


def lines(services: Services) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).select_from(audit)).scalar_one()


def newest(services: Services) -> Any:
    with reading(services.engine) as connection:
        return connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
