"""Random requests, made from the document: no answer is a server error, and each is as the document says."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Objects, Program
from webapp.accounts.user import User

pytestmark = [pytest.mark.exhaustive, pytest.mark.filterwarnings("default")]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
QUIET: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


def document_of(program: Program) -> Any:
    headers = {"Authorization": f"Bearer {program.text}"}
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", program.app, headers=headers)


def prepare(case: Case, program: Program) -> Case:
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {program.text}"}
    if case.query:
        case.query.pop("wait", None)  # nobody waits here
    return case


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_random_requests_are_answered_as_described(
    program_of: Callable[..., Program], people: dict[str, User], objects: Objects, who: str
) -> None:
    program = program_of(people[who])
    for result in document_of(program).get_all_operations():
        operation = result.ok()

        @settings(max_examples=8, **QUIET)
        @given(case=operation.as_strategy())
        def send(case: Case) -> None:
            prepare(case, program).call_and_validate(checks=CHECKS)

        send()


def test_random_sequences_of_requests_are_answered_as_described(
    program_of: Callable[..., Program], people: dict[str, User], objects: Objects
) -> None:
    program = program_of(people["operator"])
    machine = document_of(program).as_state_machine()

    class Requests(machine):  # type: ignore[misc, valid-type]
        def before_call(self, case: Case) -> None:
            prepare(case, program)

        def validate_response(self, response: Any, case: Case, **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Requests.run(settings=settings(max_examples=10, stateful_step_count=10, **QUIET))
