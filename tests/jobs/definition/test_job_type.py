from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator

from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import InvalidPayload, JobType, job_type


class Export(BaseModel):
    """The payload of an export."""

    amount: int = Field(ge=0)
    name: str = ""
    file: Upload | None = None

    @field_validator("name")
    @classmethod
    def _no_dots(cls, value: str) -> str:
        if "." in value:
            message = "must not have dots."
            raise ValueError(message)
        return value


class Mailer:
    """A service that a handler needs."""


class Sender(BaseModel):
    name: str
    age: int = 0


class Parcel(BaseModel):
    sender: Sender
    receiver: Sender | None = None


@job_type("parcel", title="Parcel")
def parcel(job: object, payload: Parcel) -> None:
    """Send it."""


def test_errors_in_nested_models_name_the_field() -> None:
    with pytest.raises(InvalidPayload) as refused:
        parcel.parse({"sender": {"age": "x"}, "receiver": {}})
    assert set(refused.value.errors) == {"sender.name", "sender.age", "receiver.name"}
    assert "sender.name: Field required." in str(refused.value)


def test_unknown_fields_of_nested_models_are_refused_too() -> None:
    with pytest.raises(InvalidPayload) as refused:
        parcel.parse({"sender": {"name": "Ana", "agee": 3}, "receiver": None}, strict=True)
    assert refused.value.errors == {"sender.agee": "Unknown field. The fields are: name, age."}
    assert parcel.parse({"sender": {"name": "Ana", "agee": 3}})


def declared(name: str = "export", **rules: Any) -> JobType:
    @job_type(name, title="Export", **rules)
    def export(job: object, payload: Export, mailer: Mailer) -> str:
        """Export the amount.

        Further lines are for programmers.
        """
        return f"{payload.amount} by {mailer}"

    return export


def test_a_declaration_defines_the_job_type() -> None:
    export = declared(timeout=timedelta(minutes=5), queue="slow", priority=7)
    assert (export.name, export.title, export.description) == ("export", "Export", "Export the amount.")
    assert (export.payload_class, dict(export.needs), export.uploads) == (Export, {"mailer": Mailer}, ("file",))
    assert (export.timeout, export.queue, export.priority) == (timedelta(minutes=5), "slow", 7)
    assert not export.own_process


def test_a_job_type_can_be_called_as_its_handler() -> None:
    assert declared()(object(), Export(amount=3), mailer="post") == "3 by post"


def test_valid_values_become_a_payload() -> None:
    assert declared().parse({"amount": "3"}) == Export(amount=3)


def test_an_invalid_payload_has_one_message_per_field() -> None:
    with pytest.raises(InvalidPayload) as refused:
        declared().parse({"amount": -1, "name": "a.b"})
    assert refused.value.errors == {
        "amount": "Input should be greater than or equal to 0.",
        "name": "Must not have dots.",
    }
    assert str(refused.value).startswith("The payload does not fit job type 'export'. amount: Input")


@pytest.mark.parametrize("values", [None, [], "text", 3])
def test_a_payload_must_be_a_mapping(values: Any) -> None:
    with pytest.raises(InvalidPayload):
        declared().parse(values)


def no_payload(job: object) -> None:
    """Take nothing."""


def untyped(job: object, payload: Any) -> None:
    """Take anything."""


@pytest.mark.parametrize("handler", [no_payload, untyped])
def test_a_handler_must_take_a_job_and_a_payload(handler: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=rf"{handler.__name__} must take \(job: JobContext, payload: a pydantic model"):
        job_type("x", title="X")(handler)
