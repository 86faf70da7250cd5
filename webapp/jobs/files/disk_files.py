"""Files in a folder of this machine, or one that several machines share.

A file is streamed to a temporary name, fsynced and renamed to its id.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from uuid_utils.compat import uuid7

from webapp.fault_injection import faultpoint
from webapp.jobs.store.file_store import FileStore, FoundFile, PartialFile


class DiskFile(PartialFile):
    """A file on disk that is being written."""

    def __init__(self, files: "DiskFiles", limit: int | None, file_id: UUID | None) -> None:
        super().__init__(limit, file_id)
        self._files = files
        self._path = files.draft_path(uuid7() if file_id else self.id)  # a killed writer has left its draft
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(self._path, flags, 0o600), "r+b")

    def discard(self) -> None:
        """Delete the file unless it was kept, even if its last bytes cannot be written to a full disk."""
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        self._file.write(data)

    def _complete(self) -> None:
        self._file.flush()
        faultpoint("file.sync")
        os.fsync(self._file.fileno())
        self._file.close()
        self._files.adopt(self._path, self.id)


class DiskFiles(FileStore):
    """A folder with files, each named by its random id."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder

    def new_file(self, limit: int | None = None, *, file_id: UUID | None = None) -> PartialFile:
        """Return a new, empty file of at most ``limit`` bytes."""
        return DiskFile(self, limit, file_id)

    def draft_path(self, draft_id: UUID) -> Path:
        """Return the path of a file while it is being written."""
        return self._ensure(self.folder / "drafts") / draft_id.hex

    def path(self, file_id: UUID) -> Path:
        """Return the path of a complete file, in one of 256 folders."""
        return self.folder / relative_path(file_id)

    def adopt(self, draft: Path, file_id: UUID) -> None:
        """Rename a finished draft to its final path, durably."""
        final = self.path(file_id)
        self._ensure(final.parent)
        faultpoint("file.rename")
        draft.rename(final)
        faultpoint("file.renamed")
        folder = os.open(final.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def link(self, file_id: UUID) -> UUID:
        """Return a second id for the same bytes: a hard link, or a copy if the file system has no links."""
        path = self.draft_path(new_id := uuid7())
        try:
            os.link(self.path(file_id), path)
            os.utime(path)  # orphans are removed by age, and this one is new
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(self.path(file_id), path)
        self.adopt(path, new_id)
        return new_id

    def open(self, file_id: UUID) -> BinaryIO:
        """Open a complete file for reading; raise ``FileNotFoundError``."""
        flags = os.O_RDONLY | os.O_NOFOLLOW
        return os.fdopen(os.open(self.path(file_id), flags), "rb")

    def has(self, file_id: UUID) -> bool:
        """Return whether a complete file exists."""
        return self.path(file_id).is_file()

    def remove(self, file_id: UUID) -> None:
        """Delete a file, if it exists."""
        self.path(file_id).unlink(missing_ok=True)

    def stage(self, user_id: UUID, file_id: UUID) -> None:
        """Note that a complete file without a row waits for a user's next attempt at a form."""
        (self._ensure(self._staged(user_id)) / file_id.hex).touch(0o600)

    def staged(self, user_id: UUID) -> list[tuple[UUID, int]]:
        """Return the files that wait for a user and their sizes in bytes, the newest first."""
        found = []
        for note in self._staged(user_id).glob("*"):
            try:
                found.append((note.stat().st_mtime_ns, UUID(note.name), self.path(UUID(note.name)).stat().st_size))
            except FileNotFoundError:  # the pruner has deleted the file
                note.unlink(missing_ok=True)
        return [(file_id, size) for _, file_id, size in sorted(found, reverse=True)]

    def remove_staged(self, user_id: UUID, file_id: UUID) -> None:
        """Delete a file that waits for a user."""
        self.remove(file_id)
        (self._staged(user_id) / file_id.hex).unlink(missing_ok=True)

    def files(self, older_than: timedelta, now: float) -> Iterator[FoundFile]:
        """Yield every complete or partial file that is older than ``older_than``; ``now`` is Unix time."""
        for path in self.folder.glob("*/*"):
            with suppress(FileNotFoundError):  # a partial file that was renamed meanwhile
                age = now - path.stat().st_mtime
                if re.fullmatch(r"[0-9a-f]{32}", path.name) and age > older_than.total_seconds():
                    yield FoundFile(UUID(path.name), path.relative_to(self.folder).as_posix())

    def remove_found(self, found: FoundFile) -> None:
        """Delete a complete or partial file, if it still exists."""
        (self.folder / found.place).unlink(missing_ok=True)

    def _staged(self, user_id: UUID) -> Path:
        return self.folder / "staged" / f"user-{user_id.hex}"

    def _ensure(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def relative_path(file_id: UUID) -> Path:
    """Return the path of a complete file below the root of its store, in one of 256 folders."""
    return Path(file_id.hex[-2:]) / file_id.hex
