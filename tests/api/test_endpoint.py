"""Idempotency keys, parameters and the answers of errors."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface
from pydantic import BaseModel, SecretStr
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.api.conftest import Program, errors_of
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.api.blueprint import RESOURCES
from webapp.db.engine import reading
from webapp.jobs import job_type
from webapp.schema import events
from webapp.services import Services

BODY = {"type": "job_history_export", "payload": {"format": "csv"}}
KEY = {"Idempotency-Key": "one"}


def test_the_same_request_with_the_same_key_gets_the_same_answer(program: Program, services: Services) -> None:
    first, second = (program.post("/jobs", BODY, headers=KEY) for _ in range(2))
    assert (first.status_code, first.data, first.headers["Location"]) == (
        second.status_code,
        second.data,
        second.headers["Location"],
    )
    assert len(services.queries.all_jobs.newest(10)) == 1


def test_another_request_with_the_same_key_is_refused(program: Program, services: Services) -> None:
    program.post("/jobs", BODY, headers=KEY)
    response = program.post("/jobs", {**BODY, "title": "Other"}, headers=KEY)
    assert (response.status_code, "another request" in response.json["detail"]) == (422, True)
    assert len(services.queries.all_jobs.newest(10)) == 1


def test_a_request_is_refused_while_the_first_one_is_in_progress(
    program: Program, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    create = services.jobs.create_or_find_job

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        answers.append(program.post("/jobs", BODY, headers=KEY))
        return create(*arguments, **options)

    monkeypatch.setattr(services.jobs, "create_or_find_job", meanwhile)
    assert program.post("/jobs", BODY, headers=KEY).status_code == 202
    assert answers[0].status_code == 409
    assert int(answers[0].headers["Retry-After"]) >= 1


def test_a_refused_request_frees_its_key(program: Program) -> None:
    assert program.post("/jobs", {**BODY, "payload": {"format": "stone"}}, headers=KEY).status_code == 422
    assert program.post("/jobs", BODY, headers=KEY).status_code == 202


def test_keys_of_two_users_are_two_keys(program: Program, admins_program: Program) -> None:
    answers = {each.post("/jobs", BODY, headers=KEY).json["id"] for each in (program, admins_program)}
    assert len(answers) == 2


def test_a_key_works_for_every_post(program: Program, services: Services) -> None:
    job = services.jobs.create_user_job("job_history_export", {"format": "csv"}, program.user.id)
    answers = [program.post(f"/jobs/{job.id}/cancel", headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].data == answers[1].data
    assert program.post(f"/jobs/{job.id}/cancel").status_code == 409


@pytest.mark.parametrize("key", ["", "x" * 121])
def test_a_bad_key_is_refused(program: Program, key: str) -> None:
    assert program.post("/jobs", BODY, headers={"Idempotency-Key": key}).status_code == 400


def test_a_mistyped_parameter_is_refused(program: Program) -> None:
    assert errors_of(program.get("/jobs?statsu=failed")) == {"statsu": "Unknown member."}
    assert "limit" in errors_of(program.get("/jobs?limit=0"))
    assert "x" in errors_of(program.get("/types?x=1"))


def test_a_refused_secret_is_not_repeated(program: Program, services: Services) -> None:
    class Login(BaseModel):
        password: SecretStr
        count: int = 1

    services.registry.add(job_type("login", title="Log in")(_handler(Login)))
    secret = "very-secret-word"
    values = {"password": secret}
    for payload in ({"password": [secret]}, {**values, "count": secret}, {**values, "x": 1}, secret):
        response = program.post("/jobs", {"type": "login", "payload": payload})
        assert response.status_code == 422
        assert secret not in response.text
    made = program.post("/jobs", {"type": "login", "payload": {"password": secret}})
    assert made.json["payload"]["password"] == {"$secret": "hidden"}
    stored = services.queries.all_jobs.newest(1)[0].payload["password"]["$secret"]
    for path in (made.headers["Location"], "/jobs"):
        answer = program.get(path).text
        assert secret not in answer
        assert stored not in answer


def _handler(payload_class: type[BaseModel]) -> Callable[..., None]:
    def handler(job: Any, payload: Any) -> None:
        """Do nothing."""

    handler.__annotations__ = {"payload": payload_class}
    return handler


def test_an_unexpected_error_is_a_problem_with_a_number(
    program: Program, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.queries.lists, "find", lambda *_, **__: 1 / 0)
    response = program.get("/jobs")
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    assert "under the number" in response.json["detail"]


def test_a_database_that_is_away_is_503_with_a_time_to_wait(
    program: Program, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(services.queries.lists, "find", away)
    response = program.get("/jobs")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


def test_other_methods_and_addresses_are_problems(program: Program) -> None:
    for method, path, status in (("PUT", "/jobs", 405), ("GET", "/nothing", 404), ("GET", f"/jobs/{uuid4()}", 404)):
        response = program.call(method, path)
        assert (response.status_code, response.mimetype) == (status, "application/problem+json")


def test_a_session_does_not_authorise_the_api(app: Flask, services: Services, user: User) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = services.sessions.begin(user.id)
    assert client.get("/jobs").status_code == 200
    assert client.get("/api/v1/jobs").status_code == 401
    assert client.post("/api/v1/jobs", json=BODY).status_code == 401


def test_a_token_does_not_open_pages(program: Program) -> None:
    headers = {"Authorization": f"Bearer {program.text}"}
    assert program.app.test_client().get("/jobs", headers=headers).location.startswith("/login")


def test_a_token_loses_its_right_with_the_role(
    program_of: Callable[..., Program], services: Services, person: Callable[..., User]
) -> None:
    program = program_of(person("ben", role="operator"), Scope.READ, Scope.OPERATE)
    assert program.post("/queues/default/resume").status_code == 200
    services.accounts.set_role("ben", "user")
    assert program.post("/queues/default/resume").status_code == 404
    services.accounts.disable("ben")
    assert program.get("/jobs").status_code == 401


def test_the_name_of_a_token_ends_with_its_request(program: Program, services: Services) -> None:
    by_token = program.post("/jobs", BODY).json["id"]
    by_user = services.jobs.create_user_job("job_history_export", {"format": "csv"}, program.user.id).id
    with reading(services.engine) as connection:
        details = dict(
            connection.execute(select(events.c.job_id, events.c.detail).where(events.c.name == "created")).all()
        )
    assert (details[UUID(by_token)], details[by_user]) == (program.name, "")


SECRET_MEMBERS = {"secret", "token", "signing_key", "one_time_password"}


def test_an_answer_with_a_secret_is_never_stored_for_repetitions() -> None:
    secret = {
        operation.name
        for resource in RESOURCES
        for operation in resource.operations
        if operation.method == "POST"
        for answer in operation.answers.values()
        if answer.model is not None and SECRET_MEMBERS & getattr(answer.model, "model_fields", {}).keys()
    }
    stored = {operation.name for resource in RESOURCES for operation in resource.operations if operation.takes_key}
    assert {"create_token", "create_webhook", "rotate_webhook", "create_rule", "create_user"} <= secret
    assert secret & stored == set()


def test_the_session_of_a_browser_is_neither_read_nor_set(program: Program, app: Flask) -> None:
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    cookie = f"{app.config['SESSION_COOKIE_NAME']}={signer.dumps({'seen': 'yes'})}"
    read = []
    app.after_request(lambda answer: (read.append(dict(session)), answer)[1])
    answer = program.get("/jobs", headers={"Cookie": cookie})
    assert (answer.status_code, read) == (200, [{}])
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers["Vary"]
