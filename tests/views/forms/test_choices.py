from collections.abc import Iterator
from enum import Enum
from typing import Literal

import pytest
from flask import Flask
from pydantic import BaseModel, Field

from webapp.jobs.definition.field_specs import FieldSpec, field_specs
from webapp.views.forms.choices import label_of, labels_of, tokens_of


@pytest.fixture(autouse=True)
def request_context(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


class Colour(Enum):
    RED = "red"
    SKY_BLUE = "sky_blue"


class Options(BaseModel):
    colour: Colour
    colours: list[Colour] = Field(default=[], json_schema_extra={"labels": {"red": "Crimson"}})
    size: Literal[1, 2, "many"]


def spec(name: str) -> FieldSpec:
    return next(spec for spec in field_specs(Options) if spec.name == name)


def test_a_text_is_its_own_token_and_other_values_are_json() -> None:
    assert tokens_of({"enum": ["red", 1, None]}) == {"red": "red", "1": 1, "null": None}
    assert tokens_of({"const": "only"}) == {"only": "only"}


@pytest.mark.parametrize("values", [["1", 1], ["", "a"]])
def test_values_that_look_the_same_get_different_tokens(values: list[object]) -> None:
    tokens = tokens_of({"enum": values})
    assert list(tokens.values()) == values
    assert "" not in tokens
    assert len(tokens) == len(values)


def test_a_single_true_is_a_checkbox_and_no_choice() -> None:
    assert tokens_of({"const": True}) == {}


def test_labels_of_the_author_take_precedence_over_readable_names() -> None:
    tokens = tokens_of(spec("colour").schema)
    assert labels_of(spec("colour").schema, tokens) == {"red": "Red", "sky_blue": "Sky blue"}
    assert labels_of({}, {"a": "a"}, {"labels": {"a": "First"}}) == {"a": "First"}
    assert labels_of({}, tokens_of({"enum": ["", "a"]}), {"labels": {"": "All"}}) == {'""': "All", '"a"': "A"}


def test_a_stored_value_has_the_label_of_its_option() -> None:
    assert label_of(spec("colour"), "sky_blue") == "Sky blue"
    assert label_of(spec("colours"), ["red", "sky_blue"]) == "Crimson, Sky blue"
    assert label_of(spec("size"), 2) == "2"


def test_a_value_that_is_no_option_has_no_label() -> None:
    assert label_of(spec("colour"), "green") is None
    assert label_of(spec("colours"), ["red", "green"]) is None
    assert label_of(spec("size"), value=True) is None
