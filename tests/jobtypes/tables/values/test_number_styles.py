import re

import duckdb
import pytest

from webapp.jobtypes.tables.values.number_styles import NumberStyle, number_styles, unit_of


def number(cell: str, decimal: str, groups: str = "", *, affixes: bool = True) -> float | None:
    style = NumberStyle(decimal, groups, affixes)
    [[found]] = duckdb.execute(f"SELECT {style.sql('x')} FROM (SELECT $cell AS x)", {"cell": cell}).fetchall()
    assert (found is not None) == bool(re.fullmatch(style.pattern, cell, re.ASCII))
    return found


@pytest.mark.parametrize(
    ("cell", "decimal", "groups", "expected"),
    [
        ("1,200.50", ".", ",", 1200.5),
        ("1.149,00", ",", ".", 1149),
        ("1 234,5", ",", " \u00a0\u202f", 1234.5),
        ("1\u202f234,5", ",", " \u00a0\u202f", 1234.5),
        ("1'234'567.5", ".", "'\u2019", 1234567.5),
        ("$1,200.50", ".", ",", 1200.5),
        ("($45.10)", ".", ",", -45.1),
        ("45,10-", ",", ".", -45.1),
        ("-1.000 €", ",", ".", -1000),
        ("€ -3,50", ",", ".", -3.5),
        ("\u22123.5", ".", "", -3.5),
        ("CHF 12.50", ".", "'", 12.5),
        ("Fr. 12.50", ".", "'", 12.5),
        ("12.5%", ".", "", 12.5),
        ("12,5 %", ",", "", 12.5),
        ("12,34,56", ".", ",", None),
        ("007", ".", ",", None),
        ("$", ".", ",", None),
    ],
)
def test_a_number_is_read_as_people_write_it(cell: str, decimal: str, groups: str, expected: float | None) -> None:
    assert number(cell, decimal, groups) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("cell", "expected"), [("1e3", 1000), ("+.5", 0.5), ("1e999", "inf"), ("1234567890123456", None)]
)
def test_a_plain_number_has_an_exponent_but_neither_sixteen_digits_nor_infinity(cell: str, expected: object) -> None:
    style = NumberStyle(".")
    [[found]] = duckdb.execute(f"SELECT {style.sql('x')} FROM (SELECT $cell AS x)", {"cell": cell}).fetchall()
    assert found == (None if expected == "inf" else expected)


def test_the_plainest_style_comes_first() -> None:
    assert number_styles()[0] == NumberStyle(".")
    assert {style.example for style in number_styles()} >= {"1,234.5", "1.234,5", "1 234,5", "1'234.5"}


def test_the_unit_of_an_amount_is_found() -> None:
    assert [unit_of(cell) for cell in ("$5", "5 EUR", "5 %", "5")] == ["$", "EUR", "%", ""]
