from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.app import create_app
from webapp.jobs.model.job import Job, Status
from webapp.services import Services
from webapp.views.security.request_id import FIELDS, HEADER

SENT = "0a1b2c3d-from-the-proxy"


def test_each_response_names_its_request(client: FlaskClient) -> None:
    first, second = client.get("/jobs"), client.get("/no/such/page")
    assert len(first.headers[HEADER]) == 32
    assert first.headers[HEADER] != second.headers[HEADER]


def test_only_a_trusted_proxy_chooses_the_id(services: Services, app: Flask) -> None:
    assert app.test_client().get("/login", headers={HEADER: SENT}).headers[HEADER] != SENT
    trusted = services.settings.model_copy(update={"trusted_proxies": "127.0.0.0/8"})
    client = create_app(trusted).test_client()
    assert client.get("/login", headers={HEADER: SENT}).headers[HEADER] == SENT
    outside = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/login", headers={HEADER: SENT}, environ_base=outside).headers[HEADER] != SENT


@pytest.mark.parametrize("sent", ["short", "x" * 65, "with space in it", 'quote"in-it-here', "ümlaut-in-here"])
def test_an_unusable_id_is_replaced(services: Services, sent: str) -> None:
    trusted = services.settings.model_copy(update={"trusted_proxies": "1"})
    answer = create_app(trusted).test_client().get("/login", headers={HEADER: sent.encode().decode("latin-1")})
    assert len(answer.headers[HEADER]) == 32


@pytest.mark.dialect(both=True)
@pytest.mark.usefixtures("database")
def test_the_events_of_a_job_and_the_access_log_name_the_request(app: Flask, services: Services, user: User) -> None:
    _token, secret = services.tokens.add(user, "program", [Scope.READ, Scope.START])
    lines = []
    answer_request = app.wsgi_app

    def keeping(environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return answer_request(environ, start_response)
        finally:
            lines.append(environ[FIELDS])

    app.wsgi_app = keeping
    client = app.test_client()
    authorization = {"Authorization": f"Bearer {secret}"}
    body = {"type": "job_history_export", "payload": {"format": "csv"}}
    answer = client.post("/api/v1/jobs", json=body, headers=authorization)
    assert answer.status_code == 202
    listed = client.get(f"/api/v1/jobs/{answer.json['id']}/events", headers=authorization).json
    assert [event["request_id"] for event in listed["items"]] == [answer.headers[HEADER]]
    fields = lines[0]
    assert (fields["job_id"], fields["user"]) == (answer.json["id"], user.name)
    assert fields["request_id"] == answer.headers[HEADER]


def test_a_retry_names_its_request_and_what_a_worker_does_names_none(
    client: FlaskClient, put: Callable[..., Job], services: Services
) -> None:
    job = put(Status.FAILED)
    assert client.post(f"/jobs/{job.id}/retry").status_code == 303
    services.jobs.cancel(job.id)
    names = {event.name: event.request_id for event in services.queries.jobs.timeline(job.id)}
    assert names["retried"]
    assert names["cancelled"] is None
