"""Encodings, delimiters and headers are recognised."""

import pytest

from webapp.jobtypes.tables.reading import csv_rows, text_lines

TEXT = "name,city\nZoë,Köln\nJürgen,Łódź\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_files_are_read_with_and_without_a_mark(report_on, encoding):
    text = "name,city\n" + "Zoë,Köln\nJürgen,Łódź\n" * 5
    job = report_on(text.encode(encoding))
    assert job.warnings == []
    assert [column["name"] for column in job.profile["columns"]] == ["name", "city"]
    assert {top["value"] for top in job.column("city")["top_values"]} == {"Köln", "Łódź"}


@pytest.mark.parametrize("content", [b"a,b\n1,2\0\n\0,4\n", b"\0a\0,b\n1,2\n", b"a\0,\0\n1,2\n"])
def test_a_few_stray_zeros_are_not_utf16(report_on, content):
    job = report_on(content)
    assert job.profile["file"]["encoding"] == "UTF-8"
    assert len(job.profile["columns"]) == 2


def test_text_that_is_not_utf8_is_read_as_windows_1252(report_on):
    job = report_on("name;price\nCafé;5 €\n".encode("cp1252"))
    assert job.profile["file"]["encoding"] == "Windows-1252"
    assert job.column("price")["top_values"][0]["value"] == "5 €"


def test_a_western_letter_late_in_the_file_is_detected(report_on):
    job = report_on(b"a,b\n" + b"1,2\n" * 400_000 + b"\xe9,2\n")
    assert job.profile["file"]["encoding"] == "Windows-1252"
    assert job.profile["rows"] == 400_001


@pytest.mark.parametrize(("mark", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_the_delimiter_is_detected(report_on, mark, name):
    rows = [["id", "text", "amount"], ["1", '"a, b; c"', "2.5"], ["2", '"d | e"', "3.5"]]
    job = report_on("\n".join(mark.join(row) for row in rows))
    assert job.profile["file"]["delimiter"] == name
    assert len(job.profile["columns"]) == 3


def test_a_sep_line_sets_the_delimiter_and_is_not_a_row(report_on):
    job = report_on("sep=;\na;b,c\n1;2,3\n")
    assert [column["name"] for column in job.profile["columns"]] == ["a", "b,c"]
    assert job.profile["rows"] == 1


def test_a_chosen_delimiter_is_used(report_on):
    assert len(report_on("a;b,c\n1;2,3\n", delimiter="comma").profile["columns"]) == 2


def test_blank_and_repeated_names_become_different_ones(report_on):
    job = report_on("x,,x,x (2), \n1,2,3,4,5\n")
    assert [column["name"] for column in job.profile["columns"]] == ["x", "Column 2", "x (2)", "x (2) (2)", "Column 5"]


def test_without_a_header_the_first_row_is_data(report_on):
    job = report_on("1,2\n3,4\n", has_header=False)
    assert job.profile["rows"] == 2
    assert job.column("Column 1")["min"] == 1


@pytest.mark.exhaustive
def test_hundreds_of_columns_are_read(report_on):
    job = report_on(",".join(f"c{n}" for n in range(301)) + "\n" + (",".join(["1"] * 301) + "\n") * 3)
    assert len(job.profile["columns"]) == 301
    assert "The first 300 of 301 columns are shown" in job.html


def test_progress_is_reported_in_bytes_and_rows(report_on):
    job = report_on("a,b\n" + "1,2\n" * 100_000)
    assert "400 kB of 400 kB, 100,000 rows" in job.messages
    assert len(job.reports) < 20


@pytest.mark.parametrize(
    "odd",
    [
        " 5,x",
        "5 ,x",
        "5, x",
        "5,x\t",
        "\u00a05,x",
        "5,x\u3000",
        ",",
        "a,b",
        "5",
        "5,x,y",
        '5,"x"',
        "y" * 140_000,
        '"",""',
        '"a",b',
        '" 5",x',
        '5," x"',
        '5,"x\ny"',
        '5,"x"y',
        '5,x"y',
    ],
)
@pytest.mark.exhaustive
def test_blocks_that_need_no_parser_are_read_like_those_that_do(report_on, monkeypatch, odd):
    monkeypatch.setattr(text_lines, "BLOCK", 4_096)
    plain, quoted = (f"{number},x" for number in range(1_000)), (f'"{number}","x, ""y"""' for number in range(1_000))
    text = "\n".join(
        ["a,b", *plain, odd, *("1,Łódź" for _ in range(1_000)), *quoted, odd, *('2,"z"' for _ in range(500)), ""]
    )
    quick = report_on(text, clean=True)
    monkeypatch.setattr(csv_rows.CsvRows, "_plain", lambda *_: None)
    thorough = report_on(text, clean=True)
    assert (quick.cleaned, quick.warnings) == (thorough.cleaned, thorough.warnings)
    assert quick.profile["last_rows"] == thorough.profile["last_rows"]
