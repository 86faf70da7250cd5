"""Read a sheet of a workbook (XLSX, XLSM, XLSB, XLS, ODS) as CSV, in a process that cannot take much memory.

What calamine must not do is checked first, on the directory of the archive.
"""

import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from webapp.jobs import JobError
from webapp.jobtypes.tables.native_process import call_native
from webapp.jobtypes.tables.reading.number_formats import with_plain_formats
from webapp.jobtypes.tables.sizes import size_in_words

MOST_UNPACKED = 2_000_000_000
FREELY_UNPACKED, MOST_EXPANSION = 20_000_000, 60  # bytes; the cells of workbooks take up to 25 times their packed size
FREE_CELLS, MOST_CELLS = 500_000, 10  # for each byte; without repeated rows and columns, a cell takes a byte or more
MOST_PARTS = 5_000
MEMORY = 700_000_000
SECONDS = 120  # on the processor; 500,000 rows of six columns take 4
STYLES = "xl/styles.xml"
FORMATS = {"xl/workbook.bin": ".xlsb", "xl/workbook.xml": ".xlsx", "content.xml": ".ods"}
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
LARGEST_STYLES = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The cells of a sheet as CSV, from its first row on."""

    name: str
    path: Path
    others: str


def sheet_as_csv(file: BinaryIO, folder: Path, name: str) -> Sheet:
    """Write the cells of a sheet, by default the first one with cells, to the folder."""
    copy = folder / "copy"
    with copy.open("wb") as out:
        shutil.copyfileobj(file, out, 1 << 20)
    book = copy.rename(folder / f"book{_ending(copy)}")
    size = book.stat().st_size
    arguments = {
        "book": os.fspath(book),
        "sheet": name,
        "target": os.fspath(folder / "cells.csv"),
        "most_cells": max(FREE_CELLS, MOST_CELLS * size),
        "most_text": _most_unpacked(size),
    }
    [found] = call_native(f"{_CELLS}:write_cells", arguments, memory=MEMORY, seconds=SECONDS)
    return Sheet(name=found["sheet"], path=folder / "cells.csv", others=found["others"])


_CELLS = "webapp.jobtypes.tables.reading.workbook_cells"


def _ending(book: Path) -> str:
    """Return the ending of the file's name, by which calamine knows the format; refuse bombs and other archives."""
    with book.open("rb") as file:
        if file.read(2) != b"PK":
            return _ending_of_ole(file)
    try:
        with ZipFile(book) as archive:
            parts = archive.infolist()
            names = {part.filename.lower().replace("\\", "/") for part in parts}
            styles = _styles(archive)
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, zlib.error) as error:
        message = f"The workbook is damaged or not an XLSX file: {error}."
        raise JobError(message) from None
    _refuse_bombs(parts, book.stat().st_size)
    if styles and (plain := with_plain_formats(styles)) != styles:
        _replace_part(book, STYLES, plain)
    ending = next((ending for name, ending in FORMATS.items() if name in names), "")
    if not ending:
        message = "The file is a ZIP archive, but not an XLSX workbook."
        raise JobError(message)
    return ending


def _ending_of_ole(file: BinaryIO) -> str:
    # An encrypted .xlsx is stored in the container of the old .xls; its directory names the content ([MS-CFB] 2.6).
    file.seek(0)
    head = file.read(512)
    sector_size = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    directory = (int.from_bytes(head[48:52], "little") + 1) * sector_size
    file.seek(min(directory, file.seek(0, os.SEEK_END)))
    if ENCRYPTED in file.read(8 * sector_size):
        message = "The workbook is password-protected. Save it without a password and start again."
        raise JobError(message)
    return ".xls"


def _refuse_bombs(parts: Sequence[ZipInfo], size: int) -> None:
    if len(parts) > MOST_PARTS:
        message = f"The workbook has {len(parts):,} parts. The limit is {MOST_PARTS:,}."
        raise JobError(message)
    unpacked = sum(part.file_size for part in parts)
    if unpacked > _most_unpacked(size):
        message = f"The workbook would unpack to {size_in_words(unpacked)}. Save the sheet as CSV."
        raise JobError(message)


def _most_unpacked(size: int) -> int:
    return min(MOST_UNPACKED, max(FREELY_UNPACKED, MOST_EXPANSION * size))


def _styles(archive: ZipFile) -> bytes:
    """Return styles.xml; `ZipFile.read` would unpack all of it before it looks at the size in the directory."""
    if STYLES not in archive.namelist() or archive.getinfo(STYLES).file_size >= LARGEST_STYLES:
        return b""
    with archive.open(STYLES) as part:
        return part.read(LARGEST_STYLES)


def _replace_part(book: Path, name: str, content: bytes) -> None:
    """Append the part; the directory at the end of the archive then lists only the new one."""
    with ZipFile(book, "a") as archive:
        old = archive.getinfo(name)
        archive.filelist.remove(old)
        del archive.NameToInfo[name]
        archive.writestr(name, content)
