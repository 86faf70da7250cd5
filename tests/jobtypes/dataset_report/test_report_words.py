import pytest

from webapp.jobtypes.dataset_report.report_words import ReportWords
from webapp.jobtypes.tables.notes import Note, Share

ENGLISH, GERMAN = ReportWords("en"), ReportWords("de")


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "unknown"), (1_234_567, "1,234,567"), (0.1 + 0.2, "0.3"), (1234.5678, "1,234.57"), (1e20, "1e+20")],
)
def test_a_number_has_at_most_six_digits_and_a_whole_part_that_is_never_cut(number: float | None, text: str) -> None:
    assert ENGLISH.number(number) == text


def test_numbers_dates_and_sentences_are_german_for_german_readers() -> None:
    assert GERMAN.number(1234.5) == "1.234,5"
    assert GERMAN.moment("2026-10-03T09:05:00+00:00") == "03.10.2026, 09:05 UTC"
    assert GERMAN.size(20_400) == "20,4\u00a0kB"
    assert GERMAN.sentence(Note("The header has two rows. Their names were joined.")) != "The header has two rows."


def test_numbers_in_sentences_have_the_marks_of_the_reader() -> None:
    note = Note(
        "%(column)s: the mean was %(before)s and is %(after)s.", {"column": "n", "before": 396.892, "after": 1234.5}
    )
    assert str(note) == "n: the mean was 396.892 and is 1,234.5."
    assert GERMAN.sentence(note) == "n: Der Mittelwert war 396,892 und ist 1.234,5."
    assert GERMAN.sentence(Note("%(share)s", {"share": Share(0.125)})) == "12,5\u00a0%"


def test_years_have_no_mark() -> None:
    assert ENGLISH.number(2026, is_year=True) == "2026"


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0 %"), (1, "< 0.1 %"), (5_000, "50.0 %"), (9_999, "> 99.9 %"), (10_000, "100 %")]
)
def test_a_share_is_0_or_100_only_if_it_is_exact(part: int, text: str) -> None:
    assert ENGLISH.share(part, 10_000) == text.replace(" %", "\u00a0%")
