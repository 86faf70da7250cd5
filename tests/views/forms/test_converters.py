from collections.abc import Iterator
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from webapp.views.forms import converters
from webapp.views.forms.converters import Converter, datetime_converter

MADRID = datetime_converter(ZoneInfo("Europe/Madrid"))


@pytest.fixture(autouse=True)
def request_context(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("converter", "value", "text"),
    [
        (converters.TIME, "09:30:00", "09:30"),
        (converters.TIME, "09:30:05.250000", "09:30:05.250"),
        (converters.ZONELESS, "2026-11-28T09:30:00", "2026-11-28T09:30"),
        (converters.DURATION, "PT1H30M", "01:30:00"),
        (converters.DURATION, "P2DT1H", "P2DT1H"),
        (converters.LINES, ["a", "b"], "a\nb"),
        (converters.LINES, ["a\nb", "c"], '["a\\nb", "c"]'),
        (converters.JSON, {"città": 1}, '{\n  "città": 1\n}'),
        (MADRID, "2026-11-28T09:30:00Z", "2026-11-28T10:30"),
    ],
)
def test_a_value_is_written_as_the_field_shows_it(converter: Converter, value: Any, text: str) -> None:
    assert converter.write(value) == text


@pytest.mark.parametrize("items", [["a", "b"], ["a\nb"], ["  a"], [""], ['["']])
def test_lists_come_back_as_they_were(items: list[str]) -> None:
    assert converters.LINES.read(converters.LINES.write(items)) == items


def test_a_local_time_is_read_as_utc() -> None:
    assert MADRID.read("2026-07-01T10:30") == "2026-07-01T08:30:00+00:00"
    assert MADRID.read("2026-07-01T10:30:00+00:00") == "2026-07-01T10:30:00+00:00"


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(ValueError, match="because the clocks go forward"):
        MADRID.read("2026-03-29T02:30")


def test_a_date_at_the_end_of_time_is_refused() -> None:
    west = datetime_converter(ZoneInfo("America/New_York"))
    with pytest.raises(ValueError, match="out of range"):
        west.read("9999-12-31T23:00")
    assert datetime_converter(UTC).read("not a date") == "not a date"


@pytest.mark.parametrize(
    ("text", "message"), [("1e999", "too large"), ("inf", "must be a number"), ("nan", "must be a number")]
)
def test_numbers_that_json_cannot_hold_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        converters.NUMBER.read(text)


def test_other_numbers_are_left_to_pydantic() -> None:
    assert [converters.NUMBER.read(text) for text in (" 1.5 ", "one")] == ["1.5", "one"]


def test_invalid_json_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match="Invalid JSON at line 2, column 3"):
        converters.JSON.read("{\n  1}")


@pytest.mark.parametrize("text", ['"\\u0000"', "NaN", '"\\ud800"', "[" * 100_000])
def test_json_that_a_database_rejects_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        converters.JSON.read(text)


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    assert converters.JSON.read('"\\\\u0000"') == "\\u0000"
