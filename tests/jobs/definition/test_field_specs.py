from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal
from unittest.mock import ANY

import pytest
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from tests.views.forms.every_kind import EveryKind
from webapp.jobs.definition.field_specs import (
    ABSENT,
    FieldSpec,
    Upload,
    field_of,
    field_specs,
    leaf_specs,
    upload_specs,
)
from webapp.jobs.definition.job_type import job_type


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
    next: "Node | None" = None


class Open(BaseModel, extra="allow"):
    name: str = ""


@dataclass
class Place:
    city: str = "Madrid"
    tags: list[str] = field(default_factory=list)


class Trip(BaseModel):
    place: Place = Place(city="Vigo")
    node: Annotated[Node | None, Field(title="First node")] = None
    stops: list[Place] = []
    other: Open = Open()
    either: Place | Node | None = None
    job: Place = Place()


def test_a_nested_model_has_fields_with_their_paths() -> None:
    specs = asked(Trip)
    city, tags = specs["place"].fields
    assert (city.name, city.key, city.sections, city.default) == ("place.city", "city", ("Place",), "Vigo")
    assert (tags.default, tags.required, city.conditional) == ([], False, False)
    children, following = specs["node"].fields
    assert (children.sections, children.conditional, following.fields) == (("First node",), True, ())
    assert [spec.name for spec in leaf_specs(Trip)] == [
        "place.city",
        "place.tags",
        "node.children",
        "node.next",
        "stops",
        "other",
        "either",
        "job",
    ]


def test_a_value_is_found_by_the_path_of_its_field() -> None:
    [city, _] = asked(Trip)["place"].fields
    assert city.value_in({"place": {"city": "Lugo"}}) == "Lugo"
    assert [city.value_in(payload) for payload in ({}, {"place": None}, {"place": "Lugo"})] == [ABSENT] * 3


@pytest.mark.parametrize(
    ("location", "found"),
    [
        (("place", "city"), ("place.city", [])),
        (("place", "tags", 1), ("place.tags", [1])),
        (("stops", 0, "city"), ("stops", [0, "city"])),
        (("place",), ("place", [])),
        (("unknown", "city"), ("unknown", ["city"])),
        ((), ("", [])),
    ],
)
def test_an_error_belongs_to_the_innermost_field(location: tuple[Any, ...], found: tuple[str, list[Any]]) -> None:
    assert field_of(Trip, location) == found


def test_uploads_are_found_in_lists_and_nested_models() -> None:
    class Letter(BaseModel):
        text: Upload

    class Payload(BaseModel):
        letter: Letter | None = None
        scans: list[Upload] | None = None
        plain: Upload

    assert [(spec.name, spec.takes_files) for spec in upload_specs(Payload)] == [
        ("letter.text", False),
        ("scans", True),
        ("plain", False),
    ]


class Page(BaseModel):
    scan: Upload


@pytest.mark.parametrize(
    "annotation", [dict[str, Upload], list[list[Upload]], tuple[Upload, Upload], list[Page], Upload | str]
)
def test_an_upload_where_no_form_can_take_a_file_is_refused(annotation: Any) -> None:
    class Payload(BaseModel):
        files: annotation

    def handler(job: object, payload: Payload) -> None:
        """Do nothing."""

    handler.__annotations__["payload"] = Payload
    with pytest.raises(TypeError, match=r"The field 'files' of .*Payload has an Upload where no form can take a file"):
        job_type("odd", title="Odd")(handler)


@pytest.mark.parametrize("annotation", [Callable[[], None], Any, object, dict[str, Node], type, Annotated[int, "x"]])
def test_every_annotation_has_a_spec(annotation: Any) -> None:
    class Payload(BaseModel):
        field: annotation

    assert asked(Payload)["field"] == FieldSpec(name="field", title="Field", schema=ANY)
