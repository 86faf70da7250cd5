import pytest

from webapp.jobs import JobError
from webapp.jobtypes.table_convert.chosen_columns import output_columns, place_of

NAMES = ("id", "Nachname, Vorname", "a=b")


def chosen(wanted: str) -> list[tuple[int, str]]:
    return [(column.place, column.name) for column in output_columns(wanted, NAMES)]


def test_a_blank_list_means_all_columns() -> None:
    assert chosen("") == list(enumerate(NAMES))


def test_names_with_commas_are_quoted_and_those_with_equals_signs_are_known() -> None:
    assert chosen('"Nachname, Vorname = name", a=b, ID = key') == [(1, "name"), (2, "a=b"), (0, "key")]


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(JobError, match="the same name"):
        output_columns("id, a=b=id", NAMES)


def test_case_is_ignored_if_it_is_unambiguous() -> None:
    assert place_of("ID", NAMES) == 0
    with pytest.raises(JobError, match="no column x"):
        place_of("x", NAMES)
