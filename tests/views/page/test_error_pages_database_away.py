"""Pages and fragments report that the database is down."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from benchmarks.chaos.postgresql import PostgreSQL, wait_until_it_answers
from tests.installation import wait_for
from webapp.accounts.user import User
from webapp.db import engine
from webapp.db.engine import reading
from webapp.services import Services

USUAL_SECONDS = 3  # of Deskjob for a connection; the other tests have more patience
FROZEN_SECONDS = 60.0  # for some seventy requests, each of which could wait for ever


@pytest.fixture
def database() -> str:
    return "postgresql"


@pytest.fixture(autouse=True)
def usual_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CONNECT_SECONDS", USUAL_SECONDS)


def test_pages_and_parts_say_that_the_database_does_not_answer_and_come_back_by_themselves(
    app: Flask,
    services: Services,
    client_of: Callable[[User], FlaskClient],
    user: User,
    postgresql: PostgreSQL,
    database: str,
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = client_of(user)
    assert client.get("/jobs").status_code == 200
    with reading(services.engine) as connection:
        connection.execute(text("CHECKPOINT"))  # the tests' servers forgo durability; who signed in is to be remembered
    postgresql.crash()
    try:
        page = client.get("/jobs")
        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        assert "The database is not responding. Jobs that were started are not lost." in page.text
        assert '<a class="button" href="/jobs">Try again</a>' in page.text
        assert '<p class="brand">' in page.text, "without a top bar, nothing else says whose page it is"
        part = client.get("/jobs/_live", headers={"HX-Request": "true", "X-Poll": "1"})
        assert (part.status_code, "<html" in part.text) == (503, False)
        assert "The database is not responding." in part.text
        assert client.post("/login", data={"name": "ana", "password": "x"}).status_code == 503
        states = app.test_client().get("/readyz")
        assert (states.status_code, states.json["database"]) == (503, "cannot be reached")
    finally:
        postgresql.start()
        wait_until_it_answers(postgresql)
    assert client.get("/jobs").status_code == 200


def test_a_page_that_meets_a_locked_table_says_so_instead_of_waiting_for_ever(
    app: Flask, client_of: Callable[[User], FlaskClient], user: User, services: Services, database: str
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = client_of(user)
    with services.engine.begin() as other:
        other.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
        assert client.get("/jobs").status_code == 503
        assert client.get("/readyz").status_code == 200, "it does answer"
    assert client.get("/jobs").status_code == 200


@pytest.mark.exhaustive
def test_pages_and_health_checks_do_not_wait_for_a_frozen_database(
    app: Flask,
    services: Services,
    client_of: Callable[[User], FlaskClient],
    admin: User,
    postgresql: PostgreSQL,
    database: str,
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = client_of(admin)
    assert client.get("/jobs").status_code == 200
    began = monotonic()
    postgresql.freeze()
    try:
        for path in ("/jobs", "/admin", "/jobs/_live"):
            page = client.get(path)
            assert page.status_code == 503
            assert "The database is not responding. Jobs that were started are not lost." in page.text
        states = app.test_client().get("/readyz")
        assert (states.status_code, states.json["database"]) == (503, "cannot be reached")
        with ThreadPoolExecutor(16) as threads:
            answers = threads.map(lambda _: app.test_client().get("/readyz/database").status_code, range(64))
            assert set(answers) == {503}
        assert monotonic() - began < FROZEN_SECONDS
    finally:
        postgresql.thaw()
    wait_for(lambda: client.get("/jobs").status_code == 200)
