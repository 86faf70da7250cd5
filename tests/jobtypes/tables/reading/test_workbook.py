"""XLSX files are streamed, and malicious files are refused."""

import zipfile
from contextlib import suppress
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest
import xlsxwriter

from tests.exhaustive import examples
from webapp.jobs.definition.job_type import JobError
from webapp.jobtypes.tables.reading import workbook

ODF = ("office", "table", "text")
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def workbook_of(tmp_path):
    """Save rows as the first sheet, beside another one."""

    def save(*rows):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.create_sheet("Other").append(["only", "here"])
        book.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return save


def repacked(path, name, content):
    """The same archive with one part replaced."""
    changed = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
    return changed


def test_cells_become_the_text_that_a_csv_file_would_have(report_on, workbook_of):
    path = workbook_of(
        ["id", "when", "day", "long", "ok", "text", "none"],
        [
            1,
            datetime(2024, 2, 29, 12, 30),  # noqa: DTZ001 - a sheet knows no zones
            date(2024, 1, 1),
            timedelta(hours=30),
            True,
            " a&b ",
            None,
        ],
        [2.5, date(2023, 1, 1), date(1999, 12, 31), time(8, 5), False, "=1+1"],
    )
    job = report_on(path, clean=True)
    assert job.warnings == []
    assert job.cleaned[1:] == [
        ["1", "2024-02-29 12:30:00", "2024-01-01", "30:00:00", "true", "a&b", ""],
        ["2.5", "2023-01-01", "1999-12-31", "08:05:00", "false", "", ""],
    ]


def test_a_sheet_is_chosen_by_its_name(report_on, workbook_of):
    path = workbook_of(["a"])
    assert [column["name"] for column in report_on(path, sheet="Other").profile["columns"]] == ["only", "here"]
    with pytest.raises(JobError, match="no sheet Nope\\. The sheets are: Sheet, Other"):
        report_on(path, sheet="Nope")


def test_without_a_name_the_first_sheet_with_cells_is_read(report_on, workbook_of):
    job = report_on(workbook_of())
    assert job.profile["file"]["sheet"] == "Other"


def test_short_rows_are_filled_and_long_ones_are_skipped(report_on, workbook_of):
    job = report_on(workbook_of(["a", "b"], [1], [], [1, 2, 3], [4, 5]))
    assert job.profile["rows"] == 2
    assert job.warnings == ["Line 4: 3 fields instead of 2; the row was skipped."]


def test_an_empty_sheet_is_a_sentence(report_on, workbook_of):
    with pytest.raises(JobError, match="sheet Sheet is empty"):
        report_on(workbook_of(), sheet="Sheet")


def test_an_xlsx_file_that_is_not_an_archive_is_a_sentence(report_on, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(JobError, match="is not a workbook, despite its name"):
        report_on(path)


def test_an_archive_that_is_not_a_workbook_is_a_sentence(report_on, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.xlsx", "w") as archive:
        archive.writestr("cat.jpg", b"meow")
    with pytest.raises(JobError, match="not an XLSX workbook"):
        report_on(tmp_path / "photos.xlsx")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(report_on, workbook_of, monkeypatch):
    path = repacked(workbook_of(["a"]), SHEET, b" " * 5_000_000)
    monkeypatch.setattr(workbook, "FREELY_UNPACKED", 4_000_000)
    with pytest.raises(JobError, match="would unpack to"):
        report_on(path)


def test_an_old_workbook_whose_directory_is_nowhere_is_a_sentence(report_on, tmp_path):
    path = tmp_path / "book.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 1_000)
    with pytest.raises(JobError, match="The workbook is damaged"):
        report_on(path)


def test_cells_that_a_few_bytes_repeat_are_refused(report_on, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "FREE_CELLS", 1_000)
    monkeypatch.setattr(workbook, "MOST_CELLS", 1)
    namespaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ODF)
    cell = '<table:table-cell table:number-columns-repeated="{1}" office:value-type="string"><text:p>1</text:p>'
    row = f'<table:table-row table:number-rows-repeated="{{0}}">{cell}</table:table-cell></table:table-row>'
    table = f'<table:table table:name="S">{row}</table:table>'
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    for height, width in ((900, 2), (1_048_576, 16_384)):
        with zipfile.ZipFile(tmp_path / "book.ods", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
            content = f"<office:document-content {namespaces}>{body.format(height, width)}</office:document-content>"
            archive.writestr("content.xml", content)
            archive.writestr("META-INF/manifest.xml", "<manifest/>")
        with pytest.raises(JobError, match="unpack to more than 1,000 cells"):
            report_on(tmp_path / "book.ods")


def test_a_long_text_in_many_cells_is_refused(report_on, tmp_path, monkeypatch):
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        sheet = book.add_worksheet()
        for row in range(20):
            sheet.write_row(row, 0, ["x" * 30_000] * 2)
    monkeypatch.setattr(workbook, "FREELY_UNPACKED", 500_000)
    with pytest.raises(JobError, match="unpack to more than 500 kB"):
        report_on(tmp_path / "book.xlsx")


def test_a_cell_far_outside_of_the_sheet_is_a_sentence(report_on, workbook_of):
    rows = b'<worksheet><sheetData><row r="4294967295"><c r="A4294967295"><v>1</v></c></row></sheetData></worksheet>'
    with pytest.raises(JobError, match="outside of the sheet"):
        report_on(repacked(workbook_of(["a"]), SHEET, rows), sheet="Sheet")


def test_styles_that_are_larger_than_the_directory_says_are_a_sentence(report_on, workbook_of):
    path = repacked(workbook_of(["a"]), "xl/styles.xml", b" " * 1_000_000)
    content = bytearray(path.read_bytes())
    entry = content.rfind(b"PK\x01\x02", 0, content.rfind(b"xl/styles.xml"))
    content[entry + 24 : entry + 28] = (1_000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(JobError, match="damaged"):
        report_on(path)


def test_an_archive_with_too_many_parts_is_refused(report_on, tmp_path):
    with zipfile.ZipFile(tmp_path / "parts.xlsx", "w") as archive:
        for number in range(workbook.MOST_PARTS + 1):
            archive.writestr(f"{number}", b"")
    with pytest.raises(JobError, match="5,001 parts"):
        report_on(tmp_path / "parts.xlsx")


def test_entities_are_never_expanded(report_on, workbook_of):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    with pytest.raises(JobError, match="sheet Sheet is empty"):
        report_on(repacked(workbook_of(["a"]), SHEET, bomb), sheet="Sheet")


@pytest.mark.parametrize(
    "sheet",
    [
        b"<worksheet><sheetData><row><c t='s'><v>99</v></c></row></sheetData></worksheet>",
        b"<worksheet a='" + b"x" * 10_000_000,
        b"\0\0\0",
    ],
)
def test_a_damaged_sheet_is_a_sentence(report_on, workbook_of, sheet):
    with pytest.raises(JobError, match=r"The workbook is damaged|is empty"):
        report_on(repacked(workbook_of(["a"]), SHEET, sheet), sheet="Sheet")


def test_two_cells_in_the_corners_of_a_sheet_do_not_fill_the_memory(report_on, workbook_of):
    cells = "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'><v>2</v></c></row>"
    sheet = f"<worksheet><sheetData>{cells}</sheetData></worksheet>".encode()
    with pytest.raises(JobError, match=r"needs more than 700 MB of memory"):
        report_on(repacked(workbook_of(["a"]), SHEET, sheet), sheet="Sheet")


def test_a_flipped_byte_raises_at_most_a_job_error(report_on, workbook_of):
    path = workbook_of(["some", "header"], *([n, f"text {n}"] for n in range(500)))
    content = bytearray(path.read_bytes())
    for place in range(40, len(content) - 30, max(1, len(content) // examples(8))):
        broken = bytearray(content)
        broken[place] ^= 0x55
        changed = path.with_name("broken.xlsx")
        changed.write_bytes(broken)
        with suppress(JobError):
            report_on(changed)


def test_an_encrypted_workbook_is_distinguished_from_an_old_one(report_on):
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[30:32] = (9).to_bytes(2, "little")
    directory = "EncryptedPackage".encode("utf-16-le").ljust(512, b"\0")
    with pytest.raises(JobError, match="password-protected"):
        report_on(bytes(header) + directory)


def shared_texts(path, *texts):
    """A workbook as Excel writes it: cells refer to shared texts."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        sheet.write_rich_string(0, 0, "he", bold, "ad")
        for row, text in enumerate(texts, 1):
            sheet.write_string(row, 0, text)
    return path


def test_shared_texts_are_looked_up(report_on, tmp_path):
    job = report_on(shared_texts(tmp_path / "shared.xlsx", "a<b", "Łódź", "a<b"))
    assert job.column("head")["top_values"] == [{"value": "a<b", "count": 2}, {"value": "Łódź", "count": 1}]
