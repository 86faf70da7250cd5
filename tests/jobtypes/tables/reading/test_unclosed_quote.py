import csv

from webapp.jobtypes.tables.reading.unclosed_quote import EndMarker, lines_from


def read(lines: list[str]) -> tuple[list[list[str]], list[bool]]:
    end = EndMarker()
    rows, passed = [], []
    for row in csv.reader(end.behind(lines)):
        rows.append(row)
        passed.append(end.passed)
    return rows, passed


def test_without_an_open_quote_every_row_ends_before_the_marker() -> None:
    rows, passed = read(['a,"b\n', 'c"\n', "d,e\n"])
    assert [row for row in rows if row] == [["a", "b\nc"], ["d", "e"]]
    assert not any(behind for row, behind in zip(rows, passed, strict=True) if row)


def test_a_row_that_reaches_the_marker_has_an_open_quote() -> None:
    rows, passed = read(["a,b\n", 'c,"d\n', "e,f\n"])
    assert (rows[-1][1], passed[-1]) == ("d\ne,f\n", True)


def test_the_lines_of_an_open_quote_can_be_read_again() -> None:
    assert lines_from('d "x"\ne,f\n') == ['"d ""x""\n', "e,f\n"]
