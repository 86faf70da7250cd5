from datetime import UTC, date, datetime
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, EmailStr, Field, SecretStr, create_model, model_validator
from werkzeug.datastructures import MultiDict

from webapp.jobs.definition.field_specs import Upload
from webapp.views.forms.payload_form import PayloadForm, form_values, initial_values


def values(annotation: Any, default: Any, *typed: str) -> dict[str, Any]:
    payload_class: type[BaseModel] = create_model("Payload", field=(annotation, default))
    return form_values(payload_class, MultiDict([("field", text) for text in typed]))


def errors(annotation: Any, *typed: str, default: Any = ...) -> str:
    payload_class: type[BaseModel] = create_model("Payload", field=(annotation, default))
    form = PayloadForm(payload_class, typed=MultiDict([("field", text) for text in typed]))
    assert not form.accepts()
    return str(form["field"].errors[0])


@pytest.mark.parametrize(
    ("annotation", "default", "typed", "value"),
    [
        (str, ..., "text", "text"),
        (str, "", "", ""),
        (str | None, "x", "", None),
        (str, ..., "a\r\nb", "a\nb"),
        (int, ..., " 3 ", "3"),
        (int | None, 5, "", None),
        (date, ..., "2026-11-22", "2026-11-22"),
        (list[str], [], "a\r\n\r\n b ", ["a", "b"]),
        (list[str], [], "", []),
        (list[str] | None, [], "", None),
        (dict[str, int], ..., '{"a": 1}', {"a": 1}),
        (Any, ..., r'"a\\u0000"', r"a\u0000"),
        (Literal["a", 1], ..., "1", 1),
        (Literal["a"] | None, "a", "", None),
        (bool, True, "", False),
        (bool, False, "true", True),
        (EmailStr, ..., "ana@example.org ", "ana@example.org"),
    ],
)
def test_input_becomes_a_value(annotation: Any, default: Any, typed: str, value: Any) -> None:
    assert values(annotation, default, typed) == {"field": value}


def test_missing_fields_are_left_to_the_payload_class() -> None:
    assert values(int, 5) == {}
    assert values(bool, True) == {}  # noqa: FBT003
    assert values(list[Literal["a"]], ["a"]) == {}


def test_a_switch_that_is_on_sends_both_of_its_values() -> None:
    assert values(bool, False, "", "true") == {"field": True}  # noqa: FBT003


def test_no_box_ticked_is_an_empty_list() -> None:
    assert values(list[Literal["a", "b"]], ["a"], "") == {"field": []}
    assert values(list[Literal["a", "b"]], ["a"], "", "a", "b") == {"field": ["a", "b"]}


def test_a_secret_left_empty_keeps_the_default_that_was_not_shown() -> None:
    assert values(SecretStr, SecretStr("hush"), "") == {}


def test_times_are_entered_in_the_zone_of_the_form() -> None:
    payload_class = create_model("Payload", at=(datetime, ...))
    typed = MultiDict({"at": "2026-11-22T10:00"})
    found = payload_class.model_validate(form_values(payload_class, typed, ZoneInfo("Europe/Madrid")))
    assert found.at == datetime(2026, 11, 22, 9, tzinfo=UTC)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("annotation", "typed", "sentence"),
    [
        (str, "", "Fill in this field."),
        (int, "x", "This must be a whole number."),
        (int, "1e999", "This number is too large."),
        (float, "nan", "This must be a number."),
        (float, "x", "This must be a number."),
        (date, "soon", "This must be a date."),
        (datetime, "soon", "This must be a date and a time."),
        (datetime, "0001-01-01T00:00", "This date is out of range."),
        (EmailStr, "ana", "An email address must have an @-sign."),
        (Literal["a", "b"], "c", "Choose one of the options."),
        (Literal["a", "b"], "", "Choose one of the options."),
        (Literal[True], "", "Check this box to continue."),
        (list[int], "1\nx", "Item 2: This must be a whole number."),
        (dict[str, int], "{", "Invalid JSON at line 1, column 2: expecting property name enclosed in double quotes."),
        (dict[str, int], '{"a": "x"}', "a: This must be a whole number."),
        (Any, "[NaN]", "This JSON contains a value that cannot be stored."),
        (Any, '"\\ud800"', "This JSON contains a value that cannot be stored."),
        (Any, "[" * 100_000, "This JSON contains a value that cannot be stored."),
        (str, "a\x00b", "This text contains a character that cannot be stored."),
        (Any, '"a\\u0000b"', "This JSON contains a value that cannot be stored."),
    ],
)
def test_invalid_input_gets_a_sentence(annotation: Any, typed: str, sentence: str) -> None:
    zone = ZoneInfo("Asia/Tokyo")
    payload_class: type[BaseModel] = create_model("Payload", field=(annotation, ...))
    form = PayloadForm(payload_class, zone=zone, typed=MultiDict({"field": typed}))
    assert not form.accepts()
    assert form["field"].errors == [sentence]


def test_a_cleared_number_is_asked_for_again_rather_than_guessed() -> None:
    assert errors(int, "", default=5) == "Fill in this field."


def test_an_hour_that_the_clock_leaves_out_is_refused() -> None:
    payload_class = create_model("Payload", at=(datetime, ...))
    form = PayloadForm(payload_class, zone=ZoneInfo("Europe/Madrid"), typed=MultiDict({"at": "2026-03-29T02:30"}))
    assert not form.accepts()
    assert form["at"].errors == ["This time does not exist on that day because the clocks go forward."]


class Span(BaseModel):
    since: date
    until: date
    count: int = Field(ge=1)
    extra: dict[str, int] = {}

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.until < self.since:
            message = "the last day is before the first"
            raise ValueError(message)
        return self


def test_all_errors_are_reported_at_once() -> None:
    form = PayloadForm(Span, typed=MultiDict({"since": "x", "until": "2026-01-01", "count": "0", "extra": "{"}))
    assert not form.accepts({"until": "Something else was wrong."})
    assert {field.name: field.errors[0] for field in form.fields_with_errors()} == {
        "since": "This must be a date.",
        "until": "Something else was wrong.",
        "count": "This must be 1 or more.",
        "extra": "Invalid JSON at line 1, column 2: expecting property name enclosed in double quotes.",
    }


def test_an_error_of_the_whole_payload_belongs_to_no_field() -> None:
    form = PayloadForm(
        Span, typed=MultiDict({"since": "2026-01-02", "until": "2026-01-01", "count": "1", "extra": "{}"})
    )
    assert not form.accepts()
    assert form.form_errors == ["The last day is before the first."]


def test_rejected_input_is_shown_again() -> None:
    form = PayloadForm(Span, typed=MultiDict({"since": "x<", "until": "", "count": "none", "extra": "{"}))
    assert not form.accepts()
    assert [field.data for field in form] == ["x<", "", "none", "{"]
    assert "x&lt;" in form["since"]()


def test_an_upload_cannot_be_typed() -> None:
    payload_class = create_model("Payload", file=(Upload, ...))
    form = PayloadForm(payload_class, typed=MultiDict({"file": '{"name": "a", "size": 1, "sha256": "0"}'}))
    assert not form.accepts()
    assert form["file"].errors == ["Choose a file."]


def test_a_payload_gives_the_first_values_of_a_form_like_it() -> None:
    class Payload(BaseModel):
        since: date = Field(alias="from")
        key: SecretStr

    payload = Payload.model_validate({"from": "2026-01-01", "key": "hush"})
    form = PayloadForm(Payload, initial=initial_values(payload))
    assert [field.data for field in form] == ["2026-01-01", ""]
