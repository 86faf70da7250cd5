import pytest

from webapp.jobs import JobError
from webapp.jobtypes.tables.reading.shape import MOST_COLUMNS, column_names, is_total, shape_of


def rows(*lines: str) -> list[list[str]]:
    return [line.split(",") for line in lines]


def test_titles_above_the_table_are_told_and_not_read_as_a_header() -> None:
    shape = shape_of(
        rows("Inventory of warehouse 7", "Printed on 2026", "item,bin,stock", "bolt,A1,4", "nut,A2,5"), has_header=True
    )
    assert (shape.above, shape.names) == (2, ("item", "bin", "stock"))
    assert str(shape.notes[0]) == "Above the table: Inventory of warehouse 7 / Printed on 2026"


def test_padded_titles_and_the_line_of_powershell_are_above_the_table() -> None:
    assert shape_of(rows("Report,,", "a,b,c", "1,2,3"), has_header=True).above == 1
    assert shape_of(rows("#TYPE System.Object", "a,b", "1,2"), has_header=True).above == 1
    assert shape_of(rows("#TYPE System.Object", "a", "1"), has_header=True).above == 1


def test_lines_with_only_blank_rows_below_are_the_table() -> None:
    shape = shape_of([["#TYPE a", "b"], ["", ""]], has_header=True)
    assert (shape.above, shape.names) == (0, ("#TYPE a", "b"))


def test_a_delimiter_at_the_end_of_every_row_makes_no_column() -> None:
    shape = shape_of(rows("id,city", "1,Lyon,", "2,Brest,"), has_header=True)
    assert shape.names == ("id", "city")
    assert [str(note) for note in shape.notes] == ["Every row ends with a delimiter, which is no column."]


def test_a_last_column_without_values_stays_if_it_has_a_name() -> None:
    assert shape_of(rows("id,city,note", "1,Lyon,", "2,Brest,"), has_header=True).width == 3


def test_two_rows_of_names_are_joined() -> None:
    grouped = shape_of(rows(",2025,,2026,", "region,new,old,new,old", "North,1,2,3,4"), has_header=True)
    assert grouped.names == ("region", "2025 new", "2025 old", "2026 new", "2026 old")
    units = shape_of(rows("weight,length", "[kg],[m]", "1,2"), has_header=True)
    assert (units.names, units.headers) == (("weight [kg]", "length [m]"), 2)


def test_words_below_the_header_are_no_second_header() -> None:
    assert shape_of(rows("name,city", "ana,Lyon", "ben,Brest"), has_header=True).headers == 1


def test_rows_wider_than_the_header_get_columns_if_most_are() -> None:
    assert shape_of(rows("a,b", "1,2,3", "1,5,6"), has_header=True).names == ("a", "b", "Column 3")
    assert shape_of(rows("a,b", "1,2,3", "4,5,6"), has_header=True).names == ("Column 1", "a", "b")
    assert shape_of(rows("a,b", "1,2", "3,4", "4,5,6"), has_header=True).names == ("a", "b")


def test_without_a_header_columns_are_numbered() -> None:
    shape = shape_of(rows("1,2", "3,4"), has_header=False)
    assert (shape.headers, shape.names) == (0, ("Column 1", "Column 2"))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Total,,12.5", True),
        ("Summe;1".replace(";", ","), True),
        ("Gesamt,3", True),
        ("Totalizer,3", False),
        ("Total,x", False),
    ],
)
def test_a_total_begins_with_its_word_and_has_a_number(row: str, expected: bool) -> None:
    assert is_total(row.split(",")) is expected


def test_column_names_are_readable_and_unique() -> None:
    assert column_names(("a\n b", "", "a b", "a b")) == ("a b", "Column 2", "a b (2)", "a b (3)")
    assert column_names(("a (2)", "a", "a", "a")) == ("a (2)", "a", "a (3)", "a (4)")
    assert len(set(column_names(("a",) * MOST_COLUMNS))) == MOST_COLUMNS
    assert column_names(["", ""]) == ("Column 1", "Column 2")


def test_more_columns_than_a_worksheet_has_are_refused() -> None:
    with pytest.raises(JobError, match="The limit is 16,384"):
        column_names([""] * (MOST_COLUMNS + 1))
