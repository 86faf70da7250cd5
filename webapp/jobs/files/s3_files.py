"""Files in a bucket of an object storage. The keys are the paths that the files have on a disk."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO, cast
from uuid import UUID

from uuid_utils.compat import uuid7

from webapp.jobs.files.disk_files import relative_path
from webapp.jobs.files.s3_client import S3Client
from webapp.jobs.files.s3_reader import open_object
from webapp.jobs.files.s3_upload import S3Upload
from webapp.jobs.store.file_store import CHUNK, FileStore, FoundFile, PartialFile

_COPIED = 5 * 1000**3  # bytes: S3 copies no larger object in one request
_is_file = re.compile(r"[0-9a-f]{2}/([0-9a-f]{32})").fullmatch


class S3Files(FileStore):
    """Objects below one prefix of a bucket, each named by its random id."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def new_file(self, limit: int | None = None, *, file_id: UUID | None = None) -> PartialFile:
        """Return a new, empty file of at most ``limit`` bytes, which appears when it is complete."""
        file_id = file_id or uuid7()
        return S3Upload(self._client, object_key(file_id), limit, file_id)

    def open(self, file_id: UUID) -> BinaryIO:
        """Open a complete file for reading, at any position; raise ``FileNotFoundError``."""
        return cast(BinaryIO, open_object(self._client, object_key(file_id)))

    def has(self, file_id: UUID) -> bool:
        """Return whether a complete file exists."""
        try:
            self._client.find(object_key(file_id))
        except FileNotFoundError:
            return False
        return True

    def remove(self, file_id: UUID) -> None:
        """Delete a file, if it exists."""
        self._client.delete(object_key(file_id))

    def link(self, file_id: UUID) -> UUID:
        """Return a second id for a copy of the bytes, which the server makes; raise ``FileNotFoundError``."""
        source = self._client.find(object_key(file_id))
        if source.size <= _COPIED:
            self._client.copy(source.key, object_key(new_id := uuid7()))
            return new_id
        with self.open(file_id) as content, self.new_file() as copy:
            while chunk := content.read(CHUNK):
                copy.write(chunk)
            return copy.keep("copy").id

    def stage(self, user_id: UUID, file_id: UUID) -> None:
        """Note that a complete file without a row waits for a user's next attempt at a form."""
        self._client.put(_note_key(user_id, file_id), uuid7().bytes)  # in order of time; the server counts seconds only

    def staged(self, user_id: UUID) -> list[tuple[UUID, int]]:
        """Return the files that wait for a user and their sizes in bytes, the newest first."""
        found = []
        for note in self._client.list(_notes_prefix(user_id)):
            file_id = UUID(note.key.rpartition("/")[2])
            try:
                made = b"".join(self._client.read(note.key, 0, CHUNK))
                found.append((made, file_id, self._client.find(object_key(file_id)).size))
            except FileNotFoundError:  # the pruner has deleted the file
                self._client.delete(note.key)
        return [(file_id, size) for _, file_id, size in sorted(found, reverse=True)]

    def remove_staged(self, user_id: UUID, file_id: UUID) -> None:
        """Delete a file that waits for a user."""
        self.remove(file_id)
        self._client.delete(_note_key(user_id, file_id))

    def files(self, older_than: timedelta, now: float) -> Iterator[FoundFile]:
        """Yield every file that is older than ``older_than``; ``now`` is Unix time. Parts of uploads are not listed."""
        for found in self._client.list():
            name = _is_file(found.key)
            if name and now - found.modified_at.timestamp() > older_than.total_seconds():
                yield FoundFile(UUID(name[1]), found.key)

    def remove_found(self, found: FoundFile) -> None:
        """Delete a file, if it still exists."""
        self._client.delete(found.place)

    def retry_for(self, seconds: float) -> None:
        """Repeat requests for so long if they fail; must be called before the first one."""
        self._client.retry_seconds = seconds

    def check(self) -> None:
        """Raise `StorageUnavailable` if the bucket cannot be read or written."""
        self._client.check()
        self._client.put(probe := f"check/{uuid7().hex}", b"Deskjob has checked that it can write here.")
        self._client.delete(probe)


def object_key(file_id: UUID) -> str:
    """Return the key of a file below the prefix of the installation."""
    return relative_path(file_id).as_posix()


def _notes_prefix(user_id: UUID) -> str:
    return f"staged/user-{user_id.hex}"


def _note_key(user_id: UUID, file_id: UUID) -> str:
    return f"{_notes_prefix(user_id)}/{file_id.hex}"
