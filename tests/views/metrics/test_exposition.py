from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from sqlalchemy import text, update

from webapp.accounts.tokens import Scope
from webapp.accounts.user import Role, User
from webapp.app import create_app
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Status
from webapp.schema import jobs, later
from webapp.services import Services

TOKEN = "a token that nobody guesses"
OUTSIDE = {"REMOTE_ADDR": "192.0.2.7"}


def families_of(body: str) -> dict[str, Any]:
    return {family.name: family for family in parse(body)}


def value(body: str, name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in parse(body)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


@pytest.fixture
def scrape(app: Flask, services: Services) -> Callable[..., str]:
    def scrape(**headers: str) -> str:
        services.figures.forget()
        answer = app.test_client().get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    return scrape


@pytest.mark.usefixtures("database")
@pytest.mark.dialect
def test_jobs_are_counted_by_queue_type_and_status(scrape: Callable[..., str], put: Callable[..., Job]) -> None:
    put(Status.QUEUED, type="import", queue="slow")
    put(Status.QUEUED, type="import", queue="slow")
    put(Status.RUNNING, type="report")
    put(Status.COMPLETED, type="report")
    body = scrape()
    assert value(body, "deskjob_jobs_unfinished", queue="slow", type="import", status="queued") == 2
    assert value(body, "deskjob_jobs_unfinished", type="report", status="running") == 1
    assert 'status="completed"' not in body, "finished jobs are never counted one by one"
    assert value(body, "deskjob_queue_workers", queue="slow") == 0
    assert value(body, "deskjob_database_up") == 1


@pytest.mark.usefixtures("database")
def test_the_oldest_wait_is_that_of_each_queue(
    scrape: Callable[..., str], put: Callable[..., Job], services: Services
) -> None:
    old, _new = put(Status.QUEUED, queue="slow"), put(Status.QUEUED, queue="fast")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == old.id).values(created_at=later(-500)))
    body = scrape()
    assert 500 <= value(body, "deskjob_queue_oldest_wait_seconds", queue="slow") < 600
    assert value(body, "deskjob_queue_oldest_wait_seconds", queue="fast") < 100


def test_the_text_is_that_of_openmetrics_if_the_client_accepts_it(scrape: Callable[..., str], app: Flask) -> None:
    body = scrape(Accept="application/openmetrics-text; version=1.0.0")
    names = {family.name for family in parse_openmetrics(body)}
    assert {"deskjob_http_requests", "deskjob_workers", "deskjob_run_duration_seconds"} <= names
    assert body.endswith("# EOF\n")
    answer = app.test_client().get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert openmetrics.exposition.CONTENT_TYPE_LATEST.startswith("application/openmetrics-text")


def test_requests_are_counted_by_endpoint_and_status(
    scrape: Callable[..., str], client: FlaskClient, app: Flask
) -> None:
    for path in ("/jobs", "/jobs", "/no/such/page"):
        client.get(path)
    app.test_client().get("/jobs")
    body = scrape()
    assert value(body, "deskjob_http_requests_total", endpoint="jobs.index", status="2xx") == 2
    assert value(body, "deskjob_http_requests_total", endpoint="jobs.index", status="3xx") == 1
    assert value(body, "deskjob_http_requests_total", endpoint="none", status="4xx") == 1
    assert value(body, "deskjob_http_request_duration_seconds_count", endpoint="jobs.index") == 3
    assert value(body, "deskjob_http_request_duration_seconds_bucket", endpoint="jobs.index", le="+Inf") == 3


@pytest.mark.usefixtures("database")
def test_a_database_that_does_not_answer_is_reported(app: Flask, services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(text("DROP TABLE totals"))
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert value(answer.text, "deskjob_database_up") == 0
    assert "deskjob_http_requests" in answer.text, "what the web server counts is there"


def test_the_address_of_the_client_opens_the_page(app: Flask) -> None:
    stranger = app.test_client()
    assert stranger.get("/metrics").status_code == 200
    refused = stranger.get("/metrics", environ_base=OUTSIDE)
    assert (refused.status_code, refused.headers["WWW-Authenticate"][:6]) == (401, "Bearer")


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_a_loopback_address_says_nothing_if_a_proxy_passed_the_request_on(app: Flask, name: str) -> None:
    assert app.test_client().get("/metrics", headers={name: "192.0.2.7"}).status_code == 401


def test_behind_a_public_url_an_address_counts_only_with_trusted_proxies(services: Services) -> None:
    public = services.settings.model_copy(update={"public_url": "http://localhost"})
    assert create_app(public).test_client().get("/metrics").status_code == 401
    trusted = create_app(public.model_copy(update={"trusted_proxies": "127.0.0.1"})).test_client()
    assert trusted.get("/metrics").status_code == 200
    assert trusted.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 401


def test_the_token_of_the_settings_opens_the_page_from_everywhere(services: Services) -> None:
    known = services.settings.model_copy(
        update={"metrics_token": type(services.settings)(metrics_token=TOKEN).metrics_token, "metrics_addresses": ""}
    )
    client = create_app(known).test_client()
    assert client.get("/metrics").status_code == 401, "no address is listed"
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer another token"}).status_code == 401


def test_an_api_token_needs_the_scope_and_an_account_that_sees_the_installation(
    app: Flask, services: Services, admin: User
) -> None:
    def status(user: User, *scopes: Scope) -> int:
        _token, secret = services.tokens.add(user, "-".join(scopes), scopes)
        answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {secret}"}, environ_base=OUTSIDE)
        return answer.status_code

    assert status(admin, Scope.METRICS) == 200
    assert status(admin, Scope.READ, Scope.ADMIN) == 403
    in_a_tenant = services.accounts.add("tom", "plain tests are calm", role=Role.AUDITOR, tenant="acme")
    assert status(in_a_tenant, Scope.METRICS) == 403


def test_a_token_for_metrics_opens_nothing_else(app: Flask, services: Services, admin: User) -> None:
    _token, secret = services.tokens.add(admin, "prometheus", [Scope.METRICS], lasts=timedelta(days=1))
    answer = app.test_client().get("/api/v1/jobs", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 403
