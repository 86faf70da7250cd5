"""Detect the format of a file from its first bytes, not from its name alone."""

import re
from codecs import BOM_UTF8
from typing import BinaryIO, Literal

from webapp.jobs import JobError

OTHER_FORMATS = {
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"PAR1": "a Parquet file",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"SQLite format 3": "a SQLite database",
}
TEXT_FORMATS = (
    (re.compile(rb"<(!doctype html|html)\b", re.IGNORECASE), "a web page, such as the sign-in page of a website"),
    (re.compile(rb"<(\?xml|!doctype)\b", re.IGNORECASE), "an XML document"),
    (re.compile(rb"""\{\s*["}]|\[\s*[\[{]"""), "a JSON document"),
)
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def kind_of(file: BinaryIO, name: str) -> Literal["csv", "xlsx"]:
    """Return the format of the file and rewind it; raise `JobError` for any other format."""
    head = file.read(512)
    file.seek(0)
    if not head:
        message = f"The file {name} is empty."
        raise JobError(message)
    if head.startswith(ZIP):
        return "xlsx"
    _refuse_other_formats(file, name, head)
    return "csv"


def _refuse_other_formats(file: BinaryIO, name: str, head: bytes) -> None:
    if head.startswith(OLE):
        raise JobError(_about_ole(file, head))
    for magic, what in OTHER_FORMATS.items():
        if head.startswith(magic):
            message = f"The file {name} is {what}, not a CSV or XLSX file."
            raise JobError(message)
    text = head.removeprefix(BOM_UTF8).lstrip()
    for beginning, what in TEXT_FORMATS:
        if beginning.match(text):
            message = f"The file {name} is {what}, not a CSV or XLSX file."
            raise JobError(message)
    if name.lower().endswith((".xlsx", ".xlsm")):
        message = f"The file {name} is not a workbook, despite its name. Save it again as XLSX or CSV."
        raise JobError(message)


def _about_ole(file: BinaryIO, head: bytes) -> str:
    # An encrypted .xlsx is stored in the container of the old .xls; its directory names the content ([MS-CFB] 2.6).
    sector_size = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    file.seek((int.from_bytes(head[48:52], "little") + 1) * sector_size)
    directory = file.read(8 * sector_size)
    file.seek(0)
    if ENCRYPTED in directory:
        return "The workbook is password-protected. Save it without a password and start again."
    return "This is an old Excel file (.xls). Save it as XLSX or CSV and start again."
