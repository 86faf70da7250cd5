"""Broken files end in a sentence or in warnings, never in anything else."""

import csv
import resource
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exhaustive import examples
from webapp.jobs.definition.job_type import JobError
from webapp.jobtypes.tables.reading import text_lines
from webapp.jobtypes.tables.reading.canonical_table import write_canonical
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import TableFormat, open_table

MORSELS = [
    b"a,b\n",
    b"1,2\n",
    b"\xff",
    b"\0",
    b'"',
    b"\r",
    b"\r\n",
    b";",
    b"\t",
    "é".encode(),
    b"\xef\xbb\xbf",
    b"=1+1",
    b" ",
    b"2024-01-01,",
    b"9" * 40,
    b"\xe2\x80\xa8",
    b"nan,inf\n",
    b"1e999,-0\n",
]


def test_an_empty_file_is_named(report_on):
    with pytest.raises(JobError, match="is empty"):
        report_on(b"")


@pytest.mark.parametrize("content", [b"\n\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\r\n", b'""\n', b",,\n"])
def test_a_file_without_rows_is_a_sentence(report_on, content):
    with pytest.raises(JobError, match="no readable rows"):
        report_on(content)


def test_a_header_without_rows_gives_an_empty_report(report_on):
    job = report_on("name,age\n", clean=True)
    assert job.profile["rows"] == 0
    assert [column["type"] for column in job.profile["columns"]] == ["empty", "empty"]
    assert job.cleaned == [["name", "age"]]


def test_a_file_of_which_every_row_is_skipped_fails_and_quotes_the_first_warning(report_on):
    with pytest.raises(JobError) as failure:
        report_on("a,b,c\n1\n4,5,6,7\n")
    assert str(failure.value) == ("2 rows skipped, none left. Line 2: 1 field instead of 3; the row was skipped.")


def test_a_row_that_lacks_its_last_cells_is_kept_and_told(report_on):
    job = report_on("a,b,c\n1,2,3\n4,5\n6,7,8\n")
    assert job.warnings == ["Line 3: 2 fields instead of 3, so the last ones count as missing."]
    assert (job.profile["rows"], job.profile["rows_repaired"], job.column("c")["missing"]) == (3, 1, 1)


def test_ragged_rows_become_warnings_with_their_lines(report_on):
    job = report_on("a,b\n1,2\n3\n\n4,5,6\n7,8\n")
    assert job.warnings == [
        "Line 3: 1 field instead of 2; the row was skipped.",
        "Line 5: 3 fields instead of 2; the row was skipped.",
    ]
    assert (job.profile["rows"], job.profile["rows_skipped"]) == (2, 2)


def test_lines_are_counted_through_quoted_line_breaks(report_on):
    job = report_on('a,b\n"one\ntwo\r\nthree",2\n\nbad\n1,2\n')
    assert job.warnings == ["Line 6: 1 field instead of 2; the row was skipped."]
    assert job.profile["rows"] == 2


def test_consecutive_lines_with_the_same_problem_share_a_warning(report_on):
    job = report_on("a,b\n" + "x\n" * 1999 + "1,2\n" + "1,2,3\n" * 2 + "y\n")
    assert job.warnings == [
        "Lines 2 to 2,000: 1 field instead of 2; the rows were skipped.",
        "Lines 2,002 to 2,003: 3 fields instead of 2; the rows were skipped.",
        "Line 2,004: 1 field instead of 2; the row was skipped.",
    ]
    assert job.profile["problems"] == job.warnings
    assert job.profile["rows_skipped"] == 2002


def test_only_the_first_hundred_problems_have_their_own_warning(report_on):
    job = report_on("a,b\n" + "x\n1,2\n" * 250)
    assert len(job.warnings) == 101
    assert job.warnings[-1] == "150 more rows have similar problems."
    assert job.profile["rows_skipped"] == 250


def test_nul_bytes_are_removed_with_a_warning(report_on):
    job = report_on(b"a,b\n1,2\nx\0y,3\n", clean=True)
    assert job.warnings == ["Line 3: NUL bytes were removed."]
    assert job.cleaned[2] == ["xy", "3"]


def test_bytes_outside_the_chosen_encoding_are_replaced_with_a_warning(report_on):
    job = report_on(b"a,b\n1,caf\xe9\n", encoding="utf-8")
    assert job.warnings == ["Line 2: bytes that are not UTF-8 are shown as �."]
    assert job.column("b")["top_values"][0]["value"] == "caf�"


def test_an_unclosed_quote_of_a_long_file_loses_no_row(report_on):
    rows = "".join(f"{number},x\n" for number in range(40_000))
    job = report_on(f'a,b\n1,2\n"open,3\n{rows}')
    assert job.warnings == ["Line 3: a quote is never closed, so it was read as text."]
    assert job.profile["rows"] == 40_002


def test_a_file_full_of_open_quotes_is_read_in_linear_time(report_on):
    job = report_on("a,b\n" + '"x,1\n' * 20_000 + "y,2\n")
    assert job.profile["rows"] + job.profile["rows_skipped"] > 8_000


@pytest.mark.parametrize(
    ("content", "line", "rows"),
    [
        ('a,b\n1,2\n"3,4\n5,6\n7,8\n', 3, [["1", "2"], ['"3', "4"], ["5", "6"], ["7", "8"]]),
        ('a,b\n1,"2\n', 2, [["1", '"2']]),
        ('a,b\n"1\n2","3\n4,""\n', 3, [["1\n2", '"3'], ["4", ""]]),
        ('a,b\r\n1,2\r\n3,"\r\n', 3, [["1", "2"], ["3", '"']]),
        ('a,b\n1,2\n3,"', 3, [["1", "2"], ["3", '"']]),
        ('"a,b\n1,2\n\n3,4\n', 1, [["1", "2"], ["3", "4"]]),
        ('sep=;\na;"b\n1;2\n', 2, [["1", "2"]]),
    ],
)
def test_an_unclosed_quote_loses_no_row(report_on, content, line, rows):
    job = report_on(content, clean=True)
    assert job.warnings == [f"Line {line}: a quote is never closed, so it was read as text."]
    assert job.cleaned[1:] == rows
    assert job.profile["rows_repaired"] == 1


def test_each_line_of_a_file_that_is_one_open_quote_is_reported(report_on):
    job = report_on('"never closed\n1,2\nlast\n')
    assert job.warnings == [
        "Line 1: a quote is never closed, so it was read as text.",
        "Line 2: 2 fields instead of 1; the row was skipped.",
    ]


def test_lines_after_an_open_quote_keep_their_numbers(report_on):
    job = report_on('a,b\n1,2\n"3,4\n5,6\nbad\n')
    assert job.warnings[-1] == "Line 5: 1 field instead of 2; the row was skipped."


def test_a_quote_that_is_closed_by_the_last_byte_is_valid(report_on):
    assert report_on('a,b\n1,"2\n3"').warnings == []
    assert report_on('a,b\n1,"2\n3"\n\n').warnings == []


def test_one_huge_line_is_skipped_in_constant_memory(report_on, tmp_path):
    path = tmp_path / "line.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        for _ in range(100):
            file.write(b"ab," * 350_000)
        file.write(b"\n3,4\nbad\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    job = report_on(path)
    assert job.warnings == [
        "Line 3: a line of more than 4,194,304 bytes; the row was skipped.",
        "Line 5: 1 field instead of 2; the row was skipped.",
    ]
    assert job.profile["rows"] == 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_one_huge_field_is_a_warning(report_on):
    job = report_on("a,b\n1," + "x" * 200_000 + "\n3,4\n")
    assert job.warnings == ["Line 2: a field of more than 131,072 characters; the row was skipped."]


def test_a_first_line_without_an_end_is_a_sentence(report_on, monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1_000)
    with pytest.raises(JobError, match="The first line has more than 1,000 bytes"):
        report_on("a,b," * 300)


def test_lines_of_old_files_end_blocks(report_on, monkeypatch):
    monkeypatch.setattr(text_lines, "BLOCK", 64)
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 100)
    job = report_on("a,b\r" + "1,2\r" * 200)
    assert (job.profile["rows"], job.warnings) == (200, [])


def test_blocks_of_blank_lines_keep_the_numbers_of_lines(report_on, monkeypatch):
    monkeypatch.setattr(text_lines, "BLOCK", 16)
    job = report_on("\n" * 50 + "a,b\n1,2\n" + "\n" * 50 + "1,2,3\n4,5\n")
    assert job.profile["rows"] == 2
    assert job.warnings == ["Line 103: 3 fields instead of 2; the row was skipped."]


def test_too_many_columns_are_a_sentence(report_on):
    with pytest.raises(JobError, match="20,000 columns"):
        report_on("a," * 19_999 + "a\n")


def test_blocks_of_any_size_give_the_same_lines(report_on, monkeypatch):
    content = 'a,b\r\n"é\r\n1",2\r\n\r\n3,é\rbad\r4,5'
    whole = report_on(content)
    for size in range(1, 12):
        monkeypatch.setattr(text_lines, "BLOCK", size)
        job = report_on(content)
        assert job.warnings == whole.warnings
        assert {**job.profile, "made": None} == {**whole.profile, "made": None}


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.sampled_from(MORSELS), st.binary(max_size=8)), max_size=40).map(b"".join), st.booleans())
def test_any_bytes_raise_at_most_a_job_error(tmp_path, native_functions_run_here, content, has_header):
    problems = RowProblems(lambda _: None)
    try:
        with open_table(BytesIO(content), "data.csv", TableFormat(has_header=has_header), problems) as opened:
            table = write_canonical(opened, tmp_path / "table.csv", problems, lambda *_: None)
    except JobError:
        return
    with table.path.open(newline="") as file:
        rows = list(csv.reader(file, delimiter=table.delimiter))
    assert len(rows) == table.rows
    assert {len(row) for row in rows} <= {len(table.names)}


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.sampled_from(MORSELS), st.binary(max_size=8)), max_size=40).map(b"".join))
def test_the_engine_reads_what_was_written_of_any_bytes(report_on, content):
    try:
        job = report_on(content, clean=True)
    except JobError:
        return
    assert job.profile["rows"] == len(job.cleaned) - 1
