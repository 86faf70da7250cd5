import pytest

from webapp.jobtypes.dataset_report.stats.number_text import (
    counted,
    number_in_words,
    share_in_words,
    size_in_words,
    value_in_words,
)
from webapp.jobtypes.dataset_report.stats.value_kinds import ValueKind


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (20_400, "20 kB"), (999_600, "1.0 MB"), (2.1e9, "2.1 GB")],
)
def test_a_size_has_the_largest_unit_above_one(size: int, text: str) -> None:
    assert size_in_words(int(size)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "unknown"), (1_234_567, "1,234,567"), (0.1 + 0.2, "0.3"), (1234.5678, "1,234.57"), (1e20, "1e+20")],
)
def test_a_number_has_at_most_six_digits_and_a_whole_part_that_is_never_cut(number: float | None, text: str) -> None:
    assert number_in_words(number) == text


def test_a_number_in_a_column_of_dates_is_a_date() -> None:
    assert value_in_words(0.0, ValueKind.DATE) == "1970-01-01"
    assert value_in_words(5, ValueKind.INTEGER) == "5"


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0 %"), (1, "< 0.1 %"), (5_000, "50.0 %"), (9_999, "> 99.9 %"), (10_000, "100 %")]
)
def test_a_share_is_0_or_100_only_if_it_is_exact(part: int, text: str) -> None:
    assert share_in_words(part, 10_000) == text


def test_one_thing_is_singular() -> None:
    assert [counted(number, "row") for number in (1, 2, 1_000)] == ["1 row", "2 rows", "1,000 rows"]
