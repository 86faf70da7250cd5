from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask_babel import force_locale

from webapp.views.text.number_format import decimal, exact_number, join_with_or, number, size


@pytest.fixture
def german(app: Flask) -> Iterator[None]:
    with app.test_request_context(), force_locale("de"):
        yield


def test_outside_of_a_request_numbers_are_english() -> None:
    assert [number(1234.6), decimal(0.25, 2), exact_number(1000.125)] == ["1,235", "0.25", "1,000.125"]


@pytest.mark.usefixtures("german")
def test_numbers_are_in_the_language_of_the_page() -> None:
    assert [number(1234.6), decimal(0.25, 2), exact_number(1000.125)] == ["1.235", "0,25", "1.000,125"]
    assert join_with_or([".csv", ".xlsx", ".tsv"]) == ".csv, .xlsx oder .tsv"
    assert size(2_100_000_000) == "2,1 GB"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (205_000, "205 kB"),
        (999_960, "1 MB"),
        (10**19, "10,000 PB"),
    ],
)
def test_a_size_has_at_most_one_decimal_place(count: int, text: str) -> None:
    assert size(count) == text


def test_alternatives_are_joined_with_or() -> None:
    assert [join_with_or(parts) for parts in ([".csv"], [".csv", ".xlsx"])] == [".csv", ".csv or .xlsx"]


@pytest.mark.parametrize("write", [number, decimal, exact_number])
@pytest.mark.parametrize("value", [1e308, 10**400], ids=["float", "integer"])
def test_a_number_with_hundreds_of_digits_is_short(write: Callable[[float], str], value: float) -> None:
    assert "e+" in write(value)
    assert len(write(value)) < 20


def test_as_many_digits_as_usual_are_written() -> None:
    assert exact_number(10**20 + 1) == "100,000,000,000,000,000,001"
    assert decimal(-1e30) == "-1.00e+30"
