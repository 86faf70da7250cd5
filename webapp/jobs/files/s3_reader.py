"""An object as an open file: read in one request from a position on, with constant memory."""

from collections.abc import Iterator
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, RawIOBase
from typing import cast

from typing_extensions import Buffer

from webapp.jobs.files.s3_client import S3Client
from webapp.jobs.store.file_store import CHUNK, StorageUnavailable

_FETCHED = 512 * 1024  # bytes at least that one step of a download brings
_BROKEN = "The connection to the file storage broke. No file is lost; try again later."
_SKIPPED = 1024 * 1024  # bytes that are read and dropped rather than sending another request


def open_object(client: S3Client, key: str) -> "S3File":
    """Open an object for reading, at any position; raise ``FileNotFoundError``."""
    return S3File(_Object(client, key, client.find(key).size), CHUNK)


class S3File(BufferedReader):
    """An open file that can also be read without copying its bytes."""

    def fetch(self) -> None:
        """Wait for the next bytes, which are read afterwards; raise `StorageUnavailable` or ``FileNotFoundError``."""
        raw = cast(_Object, self.raw)
        raw.seek(self.tell())
        raw.fetch()

    def pieces(self, length: int | None = None) -> Iterator[memoryview]:
        """Yield the next bytes, ``length`` or all, in pieces as they arrive; nothing else reads the file meanwhile."""
        raw, end = cast(_Object, self.raw), None if length is None else self.tell() + length
        raw.seek(self.tell())
        while piece := raw.read_piece(None if end is None else end - raw.tell()):
            yield piece


class _Object(RawIOBase):
    """The raw stream: the rest of one response, and a new request after a jump or a lost connection."""

    def __init__(self, client: S3Client, key: str, size: int) -> None:
        self._client, self._key, self._size = client, key, size
        self._position = 0
        self._response: Iterator[bytes] = iter(())
        self._rest = memoryview(b"")  # of the response, from `_at` on
        self._at = self._requested_at = -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        base = {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("The position in a file cannot be negative.")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer)
        piece = self.read_piece(target.nbytes)
        target[: len(piece)] = piece
        return len(piece)

    def read_piece(self, limit: int | None = None) -> memoryview:
        """Return the next bytes that have arrived, at most ``limit``; empty at the end."""
        if self._position >= self._size or limit == 0:
            return memoryview(b"")
        self.fetch()
        piece = self._rest[:limit]
        self._drop(len(piece))
        self._position = self._at
        return piece

    def fetch(self) -> None:
        """Have bytes from the position on, unless the object ends there."""
        if self._position < self._size:
            self._approach()
            if not self._rest:
                self._fetch()

    def close(self) -> None:
        self._response, self._rest = iter(()), memoryview(b"")  # closes the connection
        super().close()

    def _approach(self) -> None:
        """Bring the response to the position: read on over a small gap, or send a new request."""
        gap = self._position - self._at
        if self._at < 0 or not 0 <= gap <= max(_SKIPPED, len(self._rest)):
            self._request()
            return
        while gap := self._position - self._at:
            if not self._rest:
                self._fetch()
            self._drop(min(gap, len(self._rest)))

    def _request(self) -> None:
        self._rest, self._at = memoryview(b""), self._position
        self._begin()

    def _begin(self) -> None:
        self._requested_at = self._at
        self._response = self._client.read(self._key, self._at, _FETCHED)

    def _fetch(self) -> None:
        """Get the next bytes; a connection that breaks is replaced if it has brought any."""
        try:
            self._rest = memoryview(next(self._response))
        except (StorageUnavailable, StopIteration) as error:
            if self._at == self._requested_at:
                raise StorageUnavailable(_BROKEN if isinstance(error, StopIteration) else str(error)) from error
            self._begin()
            self._fetch()

    def _drop(self, count: int) -> None:
        self._rest = self._rest[count:]
        self._at += count
