"""The contract of the API: every operation, for every role, answers as the document and the access rules say."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import cycle
from typing import Any

import pytest
from flask import Flask
from jsonschema_rs import Draft202012Validator
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.api.conftest import Objects, Program
from tests.api.operation_access import EVERYBODY, NONE, OK, ROWS, UNAUDITED, WHY
from tests.exhaustive import exhaustive, share
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.api.blueprint import all_operations
from webapp.api.openapi import document
from webapp.api.operations import Operation
from webapp.db.engine import reading
from webapp.schema import audit
from webapp.services import Services

OPERATIONS = {operation.name: operation for operation in all_operations()}
# By default each operation is called by one kind of user, each of them in turn; with `--all` by everybody
SHARES = [
    case
    for who in EVERYBODY
    for case in (pytest.param(who, len(EVERYBODY), id=f"{who}-some"), exhaustive(who, 1, id=who))
]


def test_every_operation_has_a_row() -> None:
    assert set(OPERATIONS) == set(ROWS)


def send(program: Program, operation: Operation, objects: Objects) -> TestResponse:
    row = ROWS[operation.name]
    path = operation.template.format(**{name: str(value) for name, value in row.values(objects).items()})
    document = row.body(objects) if callable(row.body) else row.body
    body = {"json": document} if document is not None else {}
    return program.call(operation.method, path, query_string=row.query, **body)


@pytest.fixture
def described(app: Flask, services: Services) -> Mapping[str, Any]:
    with app.test_request_context():
        return document(services.registry)


def is_as_described(response: TestResponse, operation: Operation, described: Mapping[str, Any]) -> None:
    responses = described["paths"][operation.template][operation.method.lower()]["responses"]
    assert str(response.status_code) in responses, (operation.name, response.status_code)
    answer = responses[str(response.status_code)]
    for media_type, content in answer.get("content", {}).items():
        if media_type == "application/json":
            schema = {**content["schema"], "components": described["components"]}
            Draft202012Validator(schema, validate_formats=True).validate(response.json)
            return
    assert response.mimetype != "application/json" or not response.data


@pytest.mark.parametrize(("who", "every"), SHARES)
def test_each_operation_answers_by_its_access_rule_and_as_described(
    program_of: Callable[..., Program],
    people: dict[str, User],
    objects: Objects,
    described: Mapping[str, Any],
    who: str,
    every: int,
) -> None:
    program, wrong = program_of(people[who]), []
    for name, operation in share(OPERATIONS.items(), EVERYBODY.index(who), every):
        expected, response = ROWS[name].access[who], send(program, operation, objects)
        assert response.status_code < 500, (name, who, response.text)
        got = OK if response.status_code < 300 else response.status_code
        if got != expected:
            wrong.append((name, expected, response.status_code, response.text[:200]))
        elif got == OK:
            is_as_described(response, operation, described)
        else:
            assert response.mimetype == "application/problem+json"
    assert wrong == []


def test_every_change_writes_one_audit_line_that_names_the_token(
    program_of: Callable[..., Program], people: dict[str, User], objects: Objects, services: Services
) -> None:
    program = program_of(people["admin"])
    for name, operation in OPERATIONS.items():
        row = ROWS[name]
        if (operation.method == "GET" and row.action is None) or name in UNAUDITED:
            continue
        assert row.action, (name, "name its action, or say in UNAUDITED why it has none")
        before = lines(services)
        response = send(program, operation, objects)
        assert response.status_code < 300, (name, response.text)
        assert lines(services) == before + 1, name
        with reading(services.engine) as connection:
            line = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
        assert (line.action, line.actor, line.token) == (row.action, "admin", program.name), name


@pytest.mark.exhaustive
def test_a_refused_request_changes_nothing(
    program_of: Callable[..., Program], people: dict[str, User], objects: Objects, services: Services
) -> None:
    programs = {who: program_of(people[who]) for who in EVERYBODY}
    for name, row in ROWS.items():
        for who, program in programs.items():
            if row.access[who] in {WHY, NONE} and OPERATIONS[name].method != "GET":
                send(program, OPERATIONS[name], objects)
    assert lines(services) == 0


def test_each_operation_needs_its_scopes(
    program_of: Callable[..., Program], people: dict[str, User], objects: Objects
) -> None:
    program_without = cache(lambda *scopes: program_of(people["admin"], *(set(Scope) - {*scopes})))
    for operation in OPERATIONS.values():
        for scope in operation.scopes:
            response = send(program_without(scope, operation.own_scope), operation, objects)
            assert (response.status_code, scope in response.json["detail"]) == (403, True), operation.name


def test_nothing_is_answered_without_a_token(app: Flask, objects: Objects, people: dict[str, User]) -> None:
    texts = ("", "dj_" + "x" * 40, "y" * 3000)
    programs = [Program(app, people["admin"], text, "") for text in texts]
    for operation, program in zip(OPERATIONS.values(), cycle(programs)):
        response = send(program, operation, objects)
        assert response.status_code == 401, operation.name
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_document_is_complete_and_every_reference_leads_somewhere(described: Mapping[str, Any]) -> None:
    text = json.dumps(described)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/components/')[1:]}
    for reference in references:
        kind, name = reference.split("/")
        assert name in described["components"][kind], reference
    for operation in OPERATIONS.values():
        shown = described["paths"][operation.template][operation.method.lower()]
        assert shown["summary"]
        answers = (shown["responses"][str(status)] for status in operation.answers)
        assert all(answer["description"] for answer in answers)


def lines(services: Services) -> int:
    with reading(services.engine) as connection:
        return connection.execute(select(func.count()).select_from(audit)).scalar_one()
