"""Files by their ids, each complete or absent. Knows no jobs, no rows, and not where the bytes are.

`webapp.jobs.files` has the places: a folder, a bucket, or both while files are moved. A file is written to a draft
that nobody can see and becomes complete in one step; only then can a row name it. A crash at any point leaves a file
without a row, which the pruner removes. File names that users choose never become part of a path.
"""

import errno
import mimetypes
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from io import BufferedWriter, BytesIO, RawIOBase, TextIOBase
from pathlib import Path
from typing import BinaryIO, Self
from uuid import UUID

from typing_extensions import Buffer
from uuid_utils.compat import uuid7

from webapp.jobs.store.file_names import clean_name

CHUNK = 64 * 1024  # stays in the processor's cache while it is hashed: 2.3 times as fast as 1 MiB
_MEDIA_TYPE_LIMIT = 127  # characters, as in the schema
_is_media_type = re.compile(r"[\w.+-]+/[\w.+-]+( *;[ -~]*)?", re.ASCII).fullmatch


_IN_MEMORY = str | bytes | bytearray | memoryview
Content = str | bytes | bytearray | memoryview | BinaryIO  # a text is stored as UTF-8


class FileTooLarge(Exception):
    """Raised when a file is larger than its limit."""

    def __init__(self, limit: int) -> None:
        """Name the limit, in bytes."""
        self.limit = limit
        super().__init__(f"The file is larger than the allowed {limit} bytes.")


class StorageUnavailable(OSError):
    """Raised when the place of the files cannot be used now; the message says why. No complete file is lost."""

    def __init__(self, sentence: str) -> None:
        """Take one sentence for users."""
        super().__init__(errno.EIO, sentence)

    def __str__(self) -> str:
        """Return the sentence."""
        return str(self.strerror)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A complete, durable file. Until a row names it, it is an orphan and is removed after a day."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A complete or partial file; ``place`` is its path below the root of its store."""

    id: UUID
    place: str


class PartialFile(ABC):
    """A file that is being written: invisible until `keep`, and deleted without it."""

    def __init__(self, limit: int | None, file_id: UUID | None = None) -> None:
        """Take the id that the file has elsewhere, or make one."""
        self.id = file_id or uuid7()
        self.size = 0
        self._limit = limit
        self._hash = sha256()

    @property
    def sha256(self) -> str:
        """The hash of the bytes written so far, in hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Append; raise `FileTooLarge` when the limit is exceeded."""
        if self._limit is not None and self.size + len(data) > self._limit:
            raise FileTooLarge(self._limit)
        self._append(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def writer(self) -> BufferedWriter:
        """Return a buffered file object over it, for csv, zipfile and other code that writes in small pieces."""
        return BufferedWriter(_Raw(self), CHUNK)

    def keep(self, name: str, media_type: str | None = None) -> StoredFile:
        """Make the file durable; ``name`` is cleaned, and a missing media type is guessed from it."""
        self._complete()
        name = clean_name(name)
        kind = clean_media_type(media_type, name)
        return StoredFile(id=self.id, name=name, media_type=kind, size=self.size, sha256=self.sha256)

    @abstractmethod
    def discard(self) -> None:
        """Delete the file unless it was kept, even if its last bytes cannot be written."""

    @abstractmethod
    def _append(self, data: bytes) -> None:
        """Write to the draft."""

    @abstractmethod
    def _complete(self) -> None:
        """Make the draft a complete, durable file, in one step."""

    def __enter__(self) -> Self:
        """Write in the block; call `keep` to keep the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the file unless it was kept."""
        self.discard()


class _Raw(RawIOBase):
    """The raw stream below a buffered writer. Closing it does not close the file."""

    def __init__(self, file: PartialFile) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        return self._file.write(bytes(data))


class FileStore(ABC):
    """All files of an installation."""

    folder: Path | None = None  # on the disk of this machine

    @abstractmethod
    def new_file(self, limit: int | None = None, *, file_id: UUID | None = None) -> PartialFile:
        """Return a new, empty file of at most ``limit`` bytes; ``file_id`` is the id that it has elsewhere."""

    def receive(
        self, content: Content, name: str, *, media_type: str | None = None, limit: int | None = None
    ) -> StoredFile:
        """Write ``content`` to a durable file; raise `FileTooLarge` and leave nothing above ``limit`` bytes."""
        source = _stream(content)
        with self.new_file(limit) as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)
            return file.keep(name, media_type)

    @abstractmethod
    def open(self, file_id: UUID) -> BinaryIO:
        """Open a complete file for reading, at any position; raise ``FileNotFoundError``."""

    @abstractmethod
    def has(self, file_id: UUID) -> bool:
        """Return whether a complete file exists."""

    @abstractmethod
    def remove(self, file_id: UUID) -> None:
        """Delete a file, if it exists."""

    @abstractmethod
    def link(self, file_id: UUID) -> UUID:
        """Return a second id for the same bytes; raise ``FileNotFoundError``."""

    @abstractmethod
    def stage(self, user_id: UUID, file_id: UUID) -> None:
        """Note that a complete file without a row waits for a user's next attempt at a form."""

    @abstractmethod
    def staged(self, user_id: UUID) -> list[tuple[UUID, int]]:
        """Return the files that wait for a user and their sizes in bytes, the newest first."""

    @abstractmethod
    def remove_staged(self, user_id: UUID, file_id: UUID) -> None:
        """Delete a file that waits for a user."""

    @abstractmethod
    def files(self, older_than: timedelta, now: float) -> Iterator[FoundFile]:
        """Yield every complete or partial file that is older than ``older_than``; ``now`` is Unix time."""

    @abstractmethod
    def remove_found(self, found: FoundFile) -> None:
        """Delete a file that `files` yielded, if it still exists."""

    def retry_for(self, seconds: float) -> None:  # noqa: B027  (a disk needs no patience)
        """Let requests to another machine be repeated for so long if they fail."""

    def check(self) -> None:  # noqa: B027  (folders are checked before the start)
        """Raise `StorageUnavailable` if files can be neither read nor written."""


def is_content(value: object) -> bool:
    """Return whether a value can be the content of a file: a text, bytes, or a file that is read in binary mode."""
    return isinstance(value, _IN_MEMORY) or (hasattr(value, "read") and not isinstance(value, TextIOBase))


def _stream(content: Content) -> BinaryIO:
    if isinstance(content, str):
        return BytesIO(content.encode())
    if isinstance(content, _IN_MEMORY):
        return BytesIO(content)
    if not is_content(content):
        message = f"The content of a file must be a text, bytes or a file opened in binary mode, not {type(content)!r}."
        raise TypeError(message)
    return content


def clean_media_type(media_type: str | None, name: str) -> str:
    """Return a media type that a header and a row can hold: the given one, or else the one of the file's name."""
    given = media_type or ""
    return given if len(given) <= _MEDIA_TYPE_LIMIT and _is_media_type(given) else media_type_of(name)


def media_type_of(name: str) -> str:
    """Guess the media type from the extension; the default is ``application/octet-stream``."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
