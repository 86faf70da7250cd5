"""A table as a CSV file, sent row by row; nothing in it is run by a spreadsheet.

Plain text, streamed: nothing in it can run, and no browser takes it for something else.

A ZIP archive, handed out while it is made: at most one chunk of it is in memory.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from io import RawIOBase, StringIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from flask import Response, stream_with_context
from typing_extensions import Buffer

from webapp.jobtypes.tables.formula_escape import neutral


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with a file of this name; ``rows`` are asked for while it is sent."""
    response = Response(stream_with_context(_lines(columns, rows)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line([_cell(value) for value in row])


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return neutral(str(value).encode("utf-8", "replace").decode())


def _line(cells: Sequence[object]) -> str:
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def text_response(text: Iterable[str] | str, *, download_as: str = "") -> Response:
    """Answer text; with a name, as a file to be saved."""
    response = Response(text, mimetype="text/plain")
    response.headers.update(HEADERS)
    if download_as:
        response.headers.set("Content-Disposition", "attachment", filename=download_as)
    return response


_FASTEST = 1


class _Outlet(RawIOBase):
    """Where `ZipFile` writes; it cannot seek, so the sizes come behind the content."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._waiting.append(bytes(data))
        return len(self._waiting[-1])

    def taken(self) -> bytes:
        """Hand out what was written since."""
        waiting, self._waiting = self._waiting, []
        return b"".join(waiting)


class ArchiveFile:
    """A file of the archive: its name, and its content in chunks."""

    def __init__(self, name: str, content: Iterable[bytes]) -> None:
        self.name = name
        self.content = content


def stream_zip(entries: Iterable[ArchiveFile], at: datetime) -> Iterator[bytes]:
    """Make the archive; every entry is dated ``at``."""
    outlet = _Outlet()
    with ZipFile(outlet, "w", ZIP_DEFLATED, allowZip64=True, compresslevel=_FASTEST) as archive:
        for entry in entries:
            about = ZipInfo(entry.name, at.timetuple()[:6])
            about.compress_type = ZIP_DEFLATED
            about.external_attr = 0o600 << 16
            with archive.open(about, "w", force_zip64=True) as file:
                for chunk in entry.content:
                    file.write(chunk)
                    yield outlet.taken()
    yield outlet.taken()
