from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from flask import Flask
from pydantic import (
    BaseModel,
    Field,
    FutureDate,
    HttpUrl,
    PastDatetime,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from webapp.views.forms.validation_messages import as_sentence, sentences


@pytest.fixture(autouse=True)
def request_context(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


class Colour(Enum):
    RED = "red"


def messages(annotation: Any, value: Any, **constraints: Any) -> str:
    model = create_model("Payload", field=(annotation, Field(**constraints)))
    with pytest.raises(ValidationError) as error:
        model.model_validate({"field": value})
    return sentences(model, error.value)["field"]


@pytest.mark.parametrize(
    ("annotation", "value", "constraints", "message"),
    [
        (str, "a", {"min_length": 2}, "Use at least 2 characters."),
        (str, "abc", {"pattern": "^x"}, "This does not have the expected format."),
        (float, 1, {"gt": 1.0}, "This must be more than 1."),
        (float, 0.1, {"ge": 0.25}, "This must be 0.25 or more."),
        (int, 3, {"multiple_of": 2}, "This must be a multiple of 2."),
        (int, "x", {}, "This must be a whole number."),
        (float, "x", {}, "This must be a number."),
        (Decimal, "1.234", {"decimal_places": 2}, "Use at most 2 decimal places."),
        (bool, "maybe", {}, "This must be yes or no."),
        (date, "x", {}, "This must be a date."),
        (datetime, "x", {}, "This must be a date and a time."),
        (time, "x", {}, "This must be a time of day."),
        (timedelta, "x", {}, "This must be a duration, such as 1:30:00 for an hour and a half."),
        (FutureDate, "2001-01-01", {}, "This must be a date in the future."),
        (PastDatetime, "2999-01-01T00:00", {}, "This must be a time in the past."),
        (HttpUrl, "x", {}, "This must be a web address, such as https://example.org/."),
        (UUID, "x", {}, "This must be a UUID."),
        (Colour, "green", {}, "Choose one of the options."),
        (Literal["a", "b"], "c", {}, "Choose one of the options."),
        (Literal[True], False, {}, "Check this box to continue."),
        (list[int], [1, "x"], {}, "Item 2: This must be a whole number."),
        (dict[str, int], {"a": "x"}, {}, "a: This must be a whole number."),
    ],
)
def test_an_error_is_a_sentence_without_the_words_of_pydantic(
    annotation: Any, value: Any, constraints: dict[str, Any], message: str
) -> None:
    assert messages(annotation, value, **constraints) == message


class Period(BaseModel):
    start: int
    end: int = 0

    @field_validator("start")
    @classmethod
    def _even(cls, start: int) -> int:
        if start % 2:
            message = "the start must be even"
            raise ValueError(message)
        return start

    @model_validator(mode="after")
    def _ordered(self) -> "Period":
        if self.end < self.start:
            message = "The end is before the start."
            raise ValueError(message)
        return self


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"start": "Fill in this field."}),
        ({"start": 1}, {"start": "The start must be even."}),
        ({"start": 2}, {"": "The end is before the start."}),
    ],
)
def test_the_author_s_own_sentences_are_shown(values: dict[str, int], expected: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as error:
        Period.model_validate(values)
    assert sentences(Period, error.value) == expected


def test_a_phrase_becomes_a_sentence() -> None:
    assert [as_sentence(text) for text in ("too old", "Too old.", "")] == ["Too old.", "Too old.", "."]
