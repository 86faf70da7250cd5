"""Files that hold next to no table are refused after their first part; broken rows among real ones are not."""

from io import BytesIO

import pytest

from webapp.jobs import JobError
from webapp.jobtypes.tables.reading import csv_rows, row_problems, text_lines
from webapp.jobtypes.tables.reading.canonical_table import write_canonical
from webapp.jobtypes.tables.reading.dialect import declared_delimiter
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import TableFormat, open_table

MEGABYTE = 1_000_000
SKIPPED = r"rows were skipped, so the file is not a table\. Lines? "
BOMBS = {
    "NUL bytes in all lines": (b"a\n", b"1\0\n", "no text: most of the lines from line 1 on have NUL bytes"),
    "NUL bytes far below": (b"a\n" + b"1\n" * 20_000, b"1\0\n", "no text: most of the lines from line"),
    "lone quotes": (b"a,b\n", b'"\n', SKIPPED),
    "text behind an open quote": (b'a,b\n1,"', b"some text of a letter without an end\n", SKIPPED + "2: a quote"),
    "rows behind a quote in the first ones": (b'a,b\n1,"', b"x,y\n", "Line 2 begins a quoted value that does not end"),
    "rows behind a quote in the header": (b'"a,b\n', b"x,y\n", "Line 1 begins a quoted value that does not end"),
    "fields of two lines in one row": (b"a,b\n", b'"a\n",', "row that begins on line 2 has more than"),
    "rows of another width": (b"a,b\n" + b"1,2\n" * 300, b"1,2,3\n", SKIPPED),
    "the header again and again": (b"a,b\n", b"a,b\n", SKIPPED),
    "a declaration again and again": (b"sep=;\n", b"sep=;\n", SKIPPED),
    "one line": (b"", b"a,b", "The first line has more than"),
}


class CountedFile(BytesIO):
    """A file that knows how many of its bytes were read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.count += len(content)
        return content


def rows_of(file, target) -> int:
    problems = RowProblems(lambda _: None)
    with open_table(file, "data.csv", TableFormat(encoding="utf-8"), problems) as table:
        return write_canonical(table, target, problems, lambda *_: None).rows


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_without_a_table_is_refused_by_its_first_part(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(text_lines, "BLOCK", 8_192)
    monkeypatch.setattr(row_problems, "PROBED", 20_000)
    monkeypatch.setattr(csv_rows, "LONGEST_QUOTE", 20_000)
    monkeypatch.setattr(csv_rows, "LONGEST_LINE", 400_000)  # more than twice what the csv module reads as a field
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 20_000)
    begin, more, sentence = BOMBS[kind]
    file = CountedFile(begin + more * (MEGABYTE // len(more)))
    with pytest.raises(JobError, match=sentence):
        rows_of(file, tmp_path / "table.csv")
    assert file.count < 500_000


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", BOMBS)
def test_a_large_file_without_a_table_is_refused_by_its_first_megabytes(tmp_path, kind):
    begin, more, sentence = BOMBS[kind]
    file = CountedFile(begin + more * (100 * MEGABYTE // len(more)))
    with pytest.raises(JobError, match=sentence):
        rows_of(file, tmp_path / "table.csv")
    assert file.count < 6 * MEGABYTE


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b'a,b\n1,2\n"open,3\n' + b"4,5\n" * 20_000, 20_002),
        (b"a,b\n" + b"1,2\n" * 20 + b'"open,3\n' + b"4,5\n" * 400_000, 400_021),
        (b'a,b\n1,2\n"open,3\n' + b"4,5\n" * 100_000 + b'4,"5"\n' + b"4,5\n" * 300_000, 400_003),
        (b"a,b\n" + b"4,5\n" * 1_000 + b"1,2,3\n" * 5_000 + b"4,5\n" * 5_000, 6_000),
        (b"a,b\n" + b"1,2\n" * 20_000 + b"\0" * 15_000, 20_000),
        (b"a,b\n" + b"x" * 50_000 + b"\n" + b"4,5\n" * 20_000, 20_000),
    ],
)
def test_broken_rows_among_real_ones_are_no_reason_to_refuse(tmp_path, monkeypatch, content, rows):
    monkeypatch.setattr(text_lines, "BLOCK", 8_192)
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 20_000)
    monkeypatch.setattr(row_problems, "PROBED", 20_000)
    assert rows_of(BytesIO(content), tmp_path / "table.csv") == rows


def test_blocks_of_blank_rows_keep_the_numbers_of_lines(report_on, monkeypatch):
    monkeypatch.setattr(text_lines, "BLOCK", 16)
    job = report_on("a,b\n1,2\n" + ",\n" * 50 + "1,2,3\n4,5\n")
    assert job.profile["rows"] == 2
    assert job.warnings == ["Line 53: 3 fields instead of 2; the row was skipped."]


def test_a_long_line_does_not_keep_a_pattern_busy():
    assert declared_delimiter("sep=;" + "\t" * 100_000 + "x") is None
