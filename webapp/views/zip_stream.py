"""A ZIP archive, handed out while it is made: at most one chunk of it is in memory."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from io import RawIOBase
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from typing_extensions import Buffer

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


class Entry:
    """A file of the archive: its name, and its content in chunks."""

    def __init__(self, name: str, content: Iterable[bytes]) -> None:
        self.name = name
        self.content = content


def stream(entries: Iterable[Entry], at: datetime) -> Iterator[bytes]:
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
