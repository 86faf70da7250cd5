"""Streamed responses: CSV files, plain text and ZIP archives.

CSV cells are escaped so that no spreadsheet runs them as a formula. Plain text is sandboxed so that
no browser runs it. A ZIP archive is sent while it is built, with at most one chunk in memory.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from io import RawIOBase, StringIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from flask import Response, stream_with_context
from typing_extensions import Buffer

from webapp.formula_escape import neutral


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a CSV download of this name; ``rows`` are read while it is sent."""
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
    """Return plain text; with ``download_as``, as a file to save."""
    response = Response(text, mimetype="text/plain")
    response.headers.update(HEADERS)
    if download_as:
        response.headers.set("Content-Disposition", "attachment", filename=download_as)
    return response


_FASTEST = 1


class _Buffer(RawIOBase):
    """The output of `ZipFile`. It cannot seek, so the sizes follow the content."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._chunks.append(bytes(data))
        return len(self._chunks[-1])

    def take(self) -> bytes:
        """Return what was written since the last call."""
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


class ArchiveFile:
    """A file of the archive: its name and its content in chunks."""

    def __init__(self, name: str, content: Iterable[bytes]) -> None:
        self.name = name
        self.content = content


def stream_zip(entries: Iterable[ArchiveFile], at: datetime) -> Iterator[bytes]:
    """Yield the archive in chunks; every entry has the time ``at``."""
    buffer = _Buffer()
    with ZipFile(buffer, "w", ZIP_DEFLATED, allowZip64=True, compresslevel=_FASTEST) as archive:
        for entry in entries:
            header = ZipInfo(entry.name, at.timetuple()[:6])
            header.compress_type = ZIP_DEFLATED
            header.external_attr = 0o600 << 16
            with archive.open(header, "w", force_zip64=True) as file:
                for chunk in entry.content:
                    file.write(chunk)
                    yield buffer.take()
    yield buffer.take()
