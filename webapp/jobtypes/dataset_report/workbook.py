"""The archive that an XLSX file is: checked before anything is unpacked, and the parts that a reader needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from posixpath import join, normpath
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as zlib_error

from webapp.jobs.job_type import JobError
from webapp.jobtypes.dataset_report.number_formats import EPOCH_1900, EPOCH_1904
from webapp.jobtypes.dataset_report.wording import size_in_words
from webapp.jobtypes.dataset_report.xml_events import Event, xml_events

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
    """Give the archive, if it is one that can be unpacked safely; what breaks inside becomes a `JobError`."""
    try:
        with ZipFile(file) as archive:
            _refuse_bomb(archive.infolist())
            yield archive
    except (BadZipFile, zlib_error, EOFError, NotImplementedError, KeyError, RuntimeError) as error:
        message = f"The workbook is damaged or not an XLSX file: {error}."
        raise JobError(message) from error


def events_of(archive: ZipFile, part: str) -> Iterator[Event]:
    """Yield the XML of a part, nothing when there is no such part. No more than the declared size is unpacked."""
    if part in archive.NameToInfo:
        with archive.open(part) as stream:
            yield from xml_events(stream)


def contents_of(archive: ZipFile) -> Contents:
    """Read which sheets there are, in the order of their tabs."""
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
        message = "The file is an archive, but not an XLSX workbook."
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
        message = "The workbook is protected by a password. Save it without one and start again."
        raise JobError(message)


def _starts(kind: str, name: str, element: str) -> bool:
    return kind == "start" and name == element


def _relation(attributes: dict[str, str]) -> str:
    return next((value for name, value in attributes.items() if name.endswith(":id")), "")


def _path(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
