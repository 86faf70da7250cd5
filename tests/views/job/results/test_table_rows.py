import pytest

from webapp.views.job.results.table_rows import COLUMNS_SHOWN, ROWS_READ, Sorting, TableRows, read_table


def table(text: str, *, complete: bool = True) -> TableRows:
    found = read_table(text.encode(), complete=complete)
    assert found
    return found


def first(rows: TableRows, column: int = 0) -> list[str]:
    return [row[column] for row in rows.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_with_any_usual_delimiter(delimiter: str) -> None:
    rows = table(f"name{delimiter}n\nAna{delimiter}1\n")
    assert (rows.columns, rows.rows, rows.numeric) == (("name", "n"), (("Ana", "1"),), (False, True))


def test_numbers_are_sorted_by_size_and_empty_cells_are_last() -> None:
    rows = table("n,t\n10,b\n9,a\n,c\n-1,B\n")
    assert first(rows.sorted_by(Sorting(column=0))) == ["-1", "9", "10", ""]
    assert first(rows.sorted_by(Sorting(column=0, descending=True))) == ["10", "9", "-1", ""]
    assert first(rows.sorted_by(Sorting(column=1)), 1) == ["a", "b", "B", "c"]


@pytest.mark.parametrize("column", [-1, 2, 10**30])
def test_a_column_that_does_not_exist_changes_nothing(column: int) -> None:
    rows = table("a,b\n2,1\n1,2\n")
    assert rows.sorted_by(Sorting(column=column)) == rows


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "1,5", "x"])
def test_only_plain_numbers_are_numbers(text: str) -> None:
    assert not table(f'n\n1\n"{text}"\n').numeric[0]


def test_a_part_of_a_file_ends_with_a_whole_row() -> None:
    rows = table("a,b\n1,2\n3,4\n5,", complete=False)
    assert (first(rows), rows.complete, rows.count) == (["1", "3"], False, 2)


def test_only_the_first_rows_and_columns_are_read() -> None:
    rows = table("n\n" + "1\n" * (ROWS_READ + 1))
    assert (rows.count, rows.complete) == (ROWS_READ, False)
    wide = table(",".join(map(str, range(COLUMNS_SHOWN + 3))) + "\n")
    assert (len(wide.columns), wide.more_columns) == (COLUMNS_SHOWN, 3)


def test_escaped_formulas_are_shown_as_they_were_written() -> None:
    assert table("a\n'=1+1\n").rows == (("=1+1",),)


def test_ragged_rows_and_control_characters_are_shown() -> None:
    assert table("a,b\n1\n1,2,3\n\x07,\n").rows == (("1", ""), ("1", "2"), ("\N{SYMBOL FOR BELL}", ""))


@pytest.mark.parametrize("text", ["", "\n", ",,\n"])
def test_a_file_without_columns_is_not_a_table(text: str) -> None:
    assert read_table(text.encode(), complete=True) is None
