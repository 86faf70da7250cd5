"""Detect the format of a file from its first bytes, not from its name alone; refuse what is no table."""

import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from typing import BinaryIO, Literal

from webapp.jobs import JobError
from webapp.jobtypes.tables.reading.dialect import CANDIDATES, Dialect
from webapp.jobtypes.tables.reading.encoding import BYTE_ORDER_MARKS

OTHER_FORMATS = {
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
    b"PAR1": "a Parquet file",
    b"7z\xbc\xaf": "a 7-Zip archive (unpack it first)",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"SQLite format 3": "a SQLite database",
}
TEXT_FORMATS = (
    (
        re.compile(rb"<(!doctype html|html|head|body|title|meta|table)\b", re.IGNORECASE),
        "a web page, such as the sign-in page of a website",
    ),
    (re.compile(rb"<script\b.*</script>\s*$", re.IGNORECASE | re.DOTALL), "a web page or an XML document"),
    (re.compile(rb"HTTP/\d"), "a response of a web server"),
    (
        re.compile(rb"<(\?xml|!doctype)\b|<!--|<[a-z][^<>,;|\t]*>\s*(<|[\r\n]|$)", re.IGNORECASE),
        "a web page or an XML document",
    ),
    (re.compile(rb"\{\\rtf"), "a text document"),
    (re.compile(rb"BEGIN:V(CARD|CALENDAR)"), "a list of contacts or appointments"),
    (
        re.compile(rb"(Return-Path|Received|Delivered-To|MIME-Version|From|Date|Subject): ?.*\n[A-Z][A-Za-z-]+: "),
        "an email",
    ),
    (re.compile(rb"-----BEGIN |#!/"), "a key, a certificate or a script"),
    (
        re.compile(
            rb"(--[^\n]*\n\s*)*+(INSERT INTO|CREATE (TABLE|DATABASE)|DROP TABLE|PRAGMA|BEGIN TRANSACTION) ?",
            re.IGNORECASE,
        ),
        "an SQL script",
    ),
    (re.compile(rb"""\{\s*["}]|\[\s*[\[{]"""), "a JSON document"),
)
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # zip: XLSX, XLSB, ODS; OLE: XLS, encrypted ones
WORKBOOK_NAMES = (".xlsx", ".xlsm", ".xlsb", ".ods")  # many programs call their text .xls
CONTROLS = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
MOST_CONTROLS, LONG_ENOUGH = 0.05, 64  # a share, and bytes of which one can be computed
PROSE_LINES, PROSE_LENGTH = 5, 40
ALIKE = 0.5
_MARKS = tuple(mark for mark, _ in BYTE_ORDER_MARKS)


def kind_of(file: BinaryIO, name: str) -> Literal["csv", "workbook"]:
    """Return the format of the file and rewind it; raise `JobError` for any other format."""
    head = file.read(512)
    file.seek(0)
    if not head:
        message = f"The file {name} is empty."
        raise JobError(message)
    if head.startswith(WORKBOOKS):
        return "workbook"
    _refuse_other_formats(name, head)
    return "csv"


def refuse_prose(lines: Sequence[str], dialect: Dialect, name: str) -> None:
    """Raise `JobError` for running text: long lines of many words that no delimiter divides alike."""
    full = [line.rstrip() for line in lines if line.strip()]
    if len(full) == 1 and " " in full[0].strip(' "') and not _has_marks(full):
        message = f"The file {name} is not a table: it has a single line without columns."
        raise JobError(message)
    if dialect.delimiter == " ":
        return
    if len(full) < PROSE_LINES or '"' in "".join(full) or sum(map(len, full)) < PROSE_LENGTH * len(full):
        return
    counts = [line.count(dialect.delimiter) for line in full]
    usual = max(set(counts), key=counts.count)
    words = sum(len(line.split(" ")) for line in full) / len(full)
    if counts.count(usual) < ALIKE * len(full) or (usual == 0 and words > 6 and _has_marks(full)):  # noqa: PLR2004
        message = f"The file {name} is not a table: no character divides its lines into columns."
        raise JobError(message)


def _is_binary(head: bytes) -> bool:
    if len(head) < LONG_ENOUGH or b"\0" in head[:4] or head.startswith(_MARKS):  # UTF-16 with or without a mark
        return False
    return len(CONTROLS.findall(head)) > MOST_CONTROLS * len(head)


def _has_marks(lines: Sequence[str]) -> bool:
    return any(mark in line for line in lines for mark in CANDIDATES)


def _refuse_other_formats(name: str, head: bytes) -> None:
    text = head.removeprefix(BOM_UTF8).lstrip()
    what = next((what for magic, what in OTHER_FORMATS.items() if head.startswith(magic)), None) or next(
        (what for beginning, what in TEXT_FORMATS if beginning.match(text)), None
    )
    if what is None and _is_binary(head):
        what = "no text"
    if what:
        message = f"The file {name} is {what}, not a CSV file or workbook."
        raise JobError(message)
    if name.lower().endswith(WORKBOOK_NAMES):
        message = f"The file {name} is not a workbook, despite its name. Save it again as XLSX or CSV."
        raise JobError(message)
