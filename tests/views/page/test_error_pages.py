import logging
import re
from collections.abc import Callable

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from webapp.accounts.user import User
from webapp.jobs.model.job import IllegalTransition, Job, Status
from webapp.views.page.error_pages import PAGES


@pytest.fixture
def client(app: Flask, client_of: Callable[[User], FlaskClient], user: User, put: Callable[..., Job]) -> FlaskClient:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    job = put(Status.COMPLETED)

    def fail(what: str) -> None:
        raise {
            "bug": RuntimeError("secret detail of module x"),
            "full database": OperationalError("INSERT secret", {}, Exception("database or disk is full")),
            "system": OSError(5, "secret path"),
            "database": OperationalError("SELECT secret", {}, Exception("no route")),
            "conflict": IllegalTransition(job.id, job.status, Status.RUNNING),
        }[what]

    app.add_url_rule("/fail/<what>", "fail", fail)
    app.add_url_rule("/abort/<int:code>", "abort", abort)
    return client_of(user)


@pytest.mark.parametrize("code", sorted(PAGES - {416, 500, 507}))
def test_every_error_page_has_a_link(client: FlaskClient, code: int) -> None:
    page = client.get(f"/abort/{code}")
    assert page.status_code == code
    assert re.search(r"<h1>[A-Z][^<]+</h1>", page.text)
    assert '<a class="button"' in page.text


@pytest.mark.parametrize("code", sorted(PAGES - {416, 500, 507}))
def test_every_error_has_a_fragment_for_htmx(client: FlaskClient, code: int) -> None:
    answer = client.get(f"/abort/{code}", headers={"HX-Request": "true"})
    assert answer.status_code == code
    assert "<html" not in answer.text
    assert 'role="alert"' in answer.text


def test_an_error_without_its_own_page_uses_the_nearest(client: FlaskClient) -> None:
    assert "<h1>" in client.get("/abort/418").text
    assert "<h1>" in client.get("/abort/501").text


def test_a_wrong_method_lists_the_allowed_ones(client: FlaskClient) -> None:
    answer = client.post("/jobs")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_an_illegal_transition_is_a_conflict_with_its_reason(client: FlaskClient) -> None:
    answer = client.get("/fail/conflict")
    assert answer.status_code == 409
    assert "is completed and cannot become running." in answer.text


def test_an_internal_error_has_a_number_and_no_details(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "webapp.views.page.error_pages"):
        answer = client.get("/fail/bug")
    number = re.search(r"<code>([0-9a-f]{8})</code>", answer.text)[1]
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "RuntimeError" not in answer.text
    assert f"Error {number} on GET /fail/bug" in caplog.text
    assert "secret detail of module x" in caplog.text


def test_the_page_for_a_database_that_is_down_does_not_use_it(client: FlaskClient) -> None:
    answer = client.get("/fail/database")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Sign out" not in answer.text
    assert "SELECT" not in answer.text


def test_a_full_database_disk_answers_507(client: FlaskClient) -> None:
    page = client.get("/fail/full database")
    assert page.status_code == 507
    assert "The disk is full" in page.text
    assert "secret" not in page.text


def test_any_other_os_error_is_an_internal_error(client: FlaskClient) -> None:
    page = client.get("/fail/system")
    assert page.status_code == 500
    assert "secret" not in page.text
