import csv
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from webapp.jobs.model.shown_results import (
    COLUMNS_LIMIT,
    MARKDOWN_LIMIT,
    POINTS_LIMIT,
    ROWS_LIMIT,
    chart_file,
    link_file,
    markdown_file,
    table_file,
)


def rows_of(content: str) -> list[list[str]]:
    return list(csv.reader(StringIO(content)))


def test_mappings_and_lists_make_the_same_table() -> None:
    mappings = table_file("People", [{"name": "Ana", "orders": 12}, {"orders": 7}])
    lists = table_file("People", [["Ana", 12], [None, 7]], ["name", "orders"])
    assert mappings == lists
    assert (mappings.name, mappings.media_type) == ("People.csv", "text/csv; shown=1")
    assert rows_of(mappings.content) == [["name", "orders"], ["Ana", "12"], ["", "7"]]


def test_cells_are_cleaned_and_formulas_escaped() -> None:
    assert rows_of(table_file("T", [["=1+1", "a\x1b[31mb", -5]], ["x", "y", "z"]).content)[1] == ["'=1+1", "ab", "-5"]


def test_a_table_that_is_too_large_is_cut_with_a_sentence() -> None:
    long = table_file("Long", ([number] for number in range(ROWS_LIMIT + 5)), ["n"])
    assert len(rows_of(long.content)) == ROWS_LIMIT + 1
    assert long.cut == ("The table Long was cut after 10,000 rows.",)
    wide = table_file("Wide", [range(COLUMNS_LIMIT + 1)], [str(number) for number in range(COLUMNS_LIMIT + 1)])
    assert {len(row) for row in rows_of(wide.content)} == {COLUMNS_LIMIT}
    assert table_file("Fits", ([number] for number in range(ROWS_LIMIT)), ["n"]).cut == ()


def test_a_title_is_a_readable_file_name() -> None:
    assert table_file("Orders: a/b", [], ["x"]).name == "Orders - a-b.csv"


def test_a_text_is_cut_with_a_sentence() -> None:
    long = markdown_file("Summary", "x" * (MARKDOWN_LIMIT + 1))
    assert len(long.content) == MARKDOWN_LIMIT
    assert long.cut == ("The text Summary was cut after 100,000 characters.",)


def test_a_chart_has_one_series_or_several() -> None:
    assert json.loads(chart_file("Orders", ["Mon", "Tue"], [1, None], unit="pieces").content) == {
        "title": "Orders",
        "kind": "bar",
        "unit": "pieces",
        "labels": ["Mon", "Tue"],
        "series": [{"name": "Orders", "values": [1, None]}],
    }
    several = json.loads(chart_file("Orders", [1, 2], {"a": [1.5, 2], "b": [0, 0]}, kind="line").content)
    assert [series["name"] for series in several["series"]] == ["a", "b"]


def test_a_chart_that_is_too_large_is_cut() -> None:
    chart = chart_file("Many", range(POINTS_LIMIT + 1), {str(name): range(POINTS_LIMIT + 1) for name in range(7)})
    assert chart.cut == ("The chart Many was cut after 500 values.", "The chart Many was cut after 6 series.")
    assert len(json.loads(chart.content)["labels"]) == POINTS_LIMIT


@pytest.mark.parametrize(
    "address", ["https://example.org/a?b=c#d", "http://localhost:8000/", "mailto:ana@example.org", "/jobs?q=x"]
)
def test_a_link_leads_to_a_page_a_mail_address_or_this_installation(address: str) -> None:
    assert json.loads(link_file("Open", address).content) == {"text": "Open", "address": address}


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "//example.org", "/\\example.org", "jobs", "", "https://", "a\tb"],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="needs an address"):
        link_file("Open", address)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: table_file("T", []), "needs columns"),
        (lambda: table_file("T", [[1]], "name"), "needs columns"),
        (lambda: table_file("T", ["text"], ["name"]), "must be a list of cells"),
        (lambda: table_file(" ", [], ["a"]), "needs a title"),
        (lambda: chart_file("C", ["a"], [1], kind="pie"), "must be one of 'bar', 'line'"),
        (lambda: chart_file("C", ["a"], [1, 2]), "needs one value per label: 1"),
        (lambda: chart_file("C", ["a"], [float("nan")]), "must be a finite number"),
    ],
)
def test_a_mistake_is_one_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        make()
