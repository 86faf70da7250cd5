"""The kind of a column is what a person would call it."""

import pytest


def kind(report_on, *values):
    return report_on("x,y\n" + "".join(f"{value},1\n" for value in values)).column("x")["type"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "-20", "+3"), "integer"),
        (("1", "2.5", "1e3"), "number"),
        (("true", "False", "no"), "boolean"),
        (("2024-02-29", "2023/01/01"), "date"),
        (("1.2.2024", "31.12.2024"), "date"),
        (("2024-01-01T10:00:00Z", "2024-01-01 10:00"), "date and time"),
        (("", "NA", "null"), "empty"),
        (("a", "1"), "text"),
    ],
)
def test_values_of_one_type_give_the_column_its_type(report_on, values, expected):
    assert kind(report_on, *values) == expected


@pytest.mark.parametrize(
    "value",
    ["00501", "1_000", "１２", "nan.", "inf", "1234567890123456789", "0x10", "2024-02-30"],  # noqa: RUF001
)
def test_codes_and_curiosities_are_text(report_on, value):
    assert kind(report_on, value, value) == "text"


def test_a_few_strays_do_not_make_numbers_text(report_on):
    column = report_on("x\n" + "\n".join([*map(str, range(99)), "oops"])).column("x")
    assert column["type"] == "integer"
    assert column["strays"] == {"count": 1, "examples": ["oops"]}


def test_slashed_dates_begin_with_the_month_unless_one_proves_otherwise(report_on):
    american = report_on("x,y\n1/2/2024,1\n3/4/2024,1\n").column("x")
    european = report_on("x,y\n1/2/2024,1\n13/4/2024,1\n").column("x")
    assert (american["min"], american["max"]) == ("2024-01-02", "2024-03-04")
    assert (european["min"], european["max"]) == ("2024-02-01", "2024-04-13")


def test_many_different_dates_are_still_dates(report_on):
    rows = "".join(
        f"2024-01-{1 + n % 28:02} {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02},x\n" for n in range(30_000)
    )
    column = report_on("at,y\n" + rows).column("at")
    assert column["type"] == "date and time"
    assert column["max"].startswith("2024-01-28T08:")


def test_many_different_texts_are_still_text(report_on):
    rows = "".join(f'"{n} Main Street\nCity {n}",{n}x\n' for n in range(30_000))
    job = report_on("address,code\n" + rows)
    assert [column["type"] for column in job.profile["columns"]] == ["text", "text"]
    assert job.column("code")["length"] == {"min": 2, "mean": pytest.approx(5.63, abs=0.01), "max": 6}


def test_values_that_count_as_missing_can_be_chosen(report_on):
    assert report_on("x,y\nNA,1\n?,1\n", missing="?").column("x")["missing"] == 1


def test_dates_at_the_ends_of_time_do_not_break_a_report(report_on):
    column = report_on("x,y\n0001-01-01T00:00+14:00,1\n9999-12-31T23:59-14:00,1\n").column("x")
    assert column["type"] == "date and time"
    assert column["min"] == "0001-01-01T00:00:00+00:00"
