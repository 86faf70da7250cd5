"""The document: each job type's payload, what a reader sees, and its validity."""

from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, ValidationError
from pydantic import BaseModel, SecretStr

from tests.api.conftest import Program
from webapp.jobs import job_type
from webapp.services import Services


class Letter(BaseModel):
    to: str
    password: SecretStr


def write(job: Any, payload: Letter) -> None:
    """Write."""


@pytest.fixture
def described(program: Program, services: Services) -> Any:
    services.registry.add(job_type("letter", title="Letter")(write))
    services.registry.add(job_type("closed_letter", title="Letter", roles=["admin"])(write))
    return program.get("/openapi.json").json


def test_the_body_of_a_start_is_one_of_the_job_types(described: Any) -> None:
    schema = {"$ref": "#/components/schemas/StartJob", "components": described["components"]}
    body = Draft202012Validator(schema)
    body.validate({"type": "letter", "payload": {"to": "Ana", "password": "x"}})
    body.validate({"type": "job_history_export"})
    for bad in ({"type": "letter"}, {"type": "letter", "payload": {"to": "Ana"}}, {"type": "nothing"}, {}):
        with pytest.raises(ValidationError):
            body.validate(bad)


def test_a_secret_is_written_and_never_read(described: Any) -> None:
    password = described["components"]["schemas"]["Payload-letter"]["properties"]["password"]
    assert (password["writeOnly"], password["format"]) == (True, "password")


def test_a_reader_sees_the_types_that_they_can_start(described: Any, admins_program: Program) -> None:
    assert "Start-closed_letter" not in described["components"]["schemas"]
    assert "Start-closed_letter" in admins_program.get("/openapi.json").json["components"]["schemas"]


def test_files_are_parts_and_not_members(described: Any) -> None:
    payload = described["components"]["schemas"]["Payload-dataset_report"]
    assert "file" not in payload["properties"]
    form = described["paths"]["/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["file"]["contentMediaType"] == "application/octet-stream"


def test_a_payload_class_can_be_named_like_a_model_of_the_api(program: Program, services: Services) -> None:
    class JobDocument(BaseModel):
        x: int

    def handle(job: Any, payload: Any) -> None:
        """Handle."""

    handle.__annotations__ = {"payload": JobDocument}
    services.registry.add(job_type("clash", title="Clash")(handle))
    found = program.get("/openapi.json").json
    assert found["components"]["schemas"]["Payload-clash"]["properties"]["x"]
    assert program.get("/jobs").status_code == 200
