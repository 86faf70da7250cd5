"""Open the archive of an XLSX file safely, and read its sheet names and shared strings.

Shared strings are kept in a temporary file, because there can be millions.
"""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from posixpath import join, normpath
from tempfile import TemporaryFile
from typing import IO, BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as zlib_error

from webapp.jobs import JobError
from webapp.jobtypes.dataset_report.reading.number_formats import EPOCH_1900, EPOCH_1904
from webapp.jobtypes.dataset_report.reading.xml_events import Event, xml_events
from webapp.jobtypes.dataset_report.stats.number_text import size_in_words

MOST_PARTS = 5_000
MOST_UNPACKED = 4_000_000_000
MAIN = "xl/workbook.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
STRINGS, STYLES = "xl/sharedStrings.xml", "xl/styles.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The sheets by name, each with its path in the archive, and the day that dates count from."""

    sheets: dict[str, str]
    epoch: datetime


@contextmanager
def opened(file: BinaryIO) -> Iterator[ZipFile]:
    """Open the archive if it can be unpacked safely; errors of the archive become a `JobError`."""
    try:
        with ZipFile(file) as archive:
            _refuse_bomb(archive.infolist())
            yield archive
    except (BadZipFile, zlib_error, EOFError, NotImplementedError, KeyError, RuntimeError) as error:
        message = f"The workbook is damaged or not an XLSX file: {error}."
        raise JobError(message) from error


def events_of(archive: ZipFile, part: str) -> Iterator[Event]:
    """Yield the XML of a part, nothing if there is no such part. No more than the declared size is unpacked."""
    if part in archive.NameToInfo:
        with archive.open(part) as stream:
            yield from xml_events(stream)


def contents_of(archive: ZipFile) -> Contents:
    """Read the names of the sheets, in the order of their tabs."""
    targets = {
        a["Id"]: a["Target"] for kind, name, a in events_of(archive, RELATIONS) if _starts(kind, name, "Relationship")
    }
    sheets, epoch = {}, EPOCH_1900
    for kind, name, attributes in events_of(archive, MAIN):
        if _starts(kind, name, "sheet"):
            sheets[attributes["name"]] = _path(targets.get(_relation(attributes), ""))
        elif _starts(kind, name, "workbookPr") and attributes.get("date1904") in {"1", "true"}:
            epoch = EPOCH_1904
    if not sheets:
        message = "The file is a ZIP archive, but not an XLSX workbook."
        raise JobError(message)
    return Contents(sheets=sheets, epoch=epoch)


def _refuse_bomb(parts: list[ZipInfo]) -> None:
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
        message = (
            f"The workbook would unpack to {len(parts):,} parts and {size_in_words(unpacked)}; "
            f"at most {MOST_PARTS:,} and {size_in_words(MOST_UNPACKED)} are read. Save the sheet as CSV."
        )
        raise JobError(message)
    if any(part.flag_bits & 1 for part in parts):
        message = "The workbook is password-protected. Save it without a password and start again."
        raise JobError(message)


def _starts(kind: str, name: str, element: str) -> bool:
    return kind == "start" and name == element


def _relation(attributes: dict[str, str]) -> str:
    return next((value for name, value in attributes.items() if name.endswith(":id")), "")


def _path(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))


MOST = 10_000_000
CACHED = 4_096


@contextmanager
def shared_strings(events: Iterable[Event]) -> Iterator[Callable[[int], str]]:
    """Yield a function from number to text; its temporary file is deleted at the end, even if the process dies."""
    with TemporaryFile() as file:
        strings = _SharedStrings(file, events)
        yield lru_cache(CACHED)(strings.read)


class _SharedStrings:
    def __init__(self, file: IO[bytes], events: Iterable[Event]) -> None:
        self._file = file
        self._ends = array("Q", [0])
        for text in _texts(events):
            self._file.write(text.encode("utf-8", "replace"))
            self._ends.append(self._file.tell())
            _refuse_too_many(len(self._ends) - 1)
        self._file.flush()

    def read(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            message = f"The workbook is damaged: it refers to text {number:,}, which does not exist."
            raise JobError(message)
        start, end = self._ends[number], self._ends[number + 1]
        return os.pread(self._file.fileno(), end - start, start).decode()


def _refuse_too_many(texts: int) -> None:
    if texts > MOST:
        message = f"The workbook has more than {MOST:,} different texts. Save the sheet as CSV."
        raise JobError(message)


def _texts(events: Iterable[Event]) -> Iterator[str]:
    text = CellText()
    for event in events:
        if event[:2] == ("end", "si"):
            yield text.finished()
        else:
            text.take(event)


LONGEST = 131_072  # characters, the limit that fields of a CSV file have; Excel's own is 32,767
HOLDERS = frozenset({"v", "t"})


class CellText:
    """Joins all runs of formatted text, leaves phonetic hints out, and stops at `LONGEST` characters."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._reading = self._phonetic = False

    def take(self, event: Event) -> None:
        """Process an event; most are ignored."""
        kind, name, _ = event
        if kind == "text":
            self._append(name)
        elif name in HOLDERS:
            self._reading = kind == "start" and not self._phonetic
        elif name == "rPh":
            self._phonetic = kind == "start"

    def finished(self) -> str:
        """Return the text and begin the next one."""
        text = "".join(self._pieces)[:LONGEST]
        self._pieces, self._length = [], 0
        return text

    def _append(self, piece: str) -> None:
        if self._reading and self._length < LONGEST:
            self._pieces.append(piece)
            self._length += len(piece)
