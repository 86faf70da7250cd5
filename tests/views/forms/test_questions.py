from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal
from unittest.mock import ANY

import pytest
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from tests.views.forms.every_kind import EveryKind
from webapp.views.forms.questions import ABSENT, FieldSpec, field_specs


def asked(payload_class: type[BaseModel]) -> dict[str, FieldSpec]:
    return {question.name: question for question in field_specs(payload_class)}


def test_specs_follow_the_order_of_the_fields() -> None:
    assert list(asked(EveryKind)) == list(EveryKind.model_fields)


def test_titles_are_readable() -> None:
    class Payload(BaseModel):
        api_key: str
        full_text: str
        since: date = Field(title="First day")

    assert [question.title for question in field_specs(Payload)] == ["API key", "Full text", "First day"]


def test_an_enum_neither_names_nor_describes_the_field_that_has_it() -> None:
    question = asked(EveryKind)["depth"]
    assert (question.title, question.help) == ("Depth", "")


def test_a_default_factory_runs_for_each_form() -> None:
    made = iter([1, 2])

    class Payload(BaseModel):
        number: int = Field(default_factory=lambda: next(made))

    assert [asked(Payload)["number"].default, asked(Payload)["number"].default] == [1, 2]


def test_a_default_that_depends_on_other_answers_is_left_to_the_payload() -> None:
    class Payload(BaseModel):
        name: str
        title: str = Field(default_factory=lambda known: known["name"])

    assert asked(Payload)["title"].default is ABSENT


def test_or_null_is_told_apart_from_required() -> None:
    class Payload(BaseModel):
        one: int | None
        other: int = 3
        choice: Literal["a", None] = None  # noqa: PYI061  (the other way to write it)

    one, other, choice = field_specs(Payload)
    assert (one.required, one.nullable) == (True, True)
    assert (other.required, other.nullable) == (False, False)
    assert (choice.nullable, choice.schema["enum"]) == (True, ["a"])


def test_an_upload_is_recognised_also_when_it_is_optional() -> None:
    assert [name for name, question in asked(EveryKind).items() if question.is_upload] == ["data", "logo"]


def test_a_model_that_is_only_called_upload_is_none() -> None:
    class Upload(BaseModel):
        name: str

    class Payload(BaseModel):
        file: Upload

    assert not asked(Payload)["file"].is_upload


def test_a_field_goes_by_its_alias() -> None:
    class Payload(BaseModel):
        since: date = Field(date(2020, 1, 1), alias="from")

    assert asked(Payload)["from"].default == "2020-01-01"


def test_a_field_can_be_kept_out_of_the_form() -> None:
    class Payload(BaseModel):
        shown: int = 1
        hidden: SkipJsonSchema[int] = 2

    assert list(asked(Payload)) == ["shown"]


class Node(BaseModel):
    children: list["Node"] = []


@pytest.mark.parametrize(
    "annotation", [Callable[[], None], Any, object, Node, dict[str, Node], type, Annotated[int, "x"]]
)
def test_every_annotation_has_a_spec(annotation: Any) -> None:
    class Payload(BaseModel):
        field: annotation

    assert asked(Payload)["field"] == FieldSpec(name="field", title="Field", schema=ANY)
