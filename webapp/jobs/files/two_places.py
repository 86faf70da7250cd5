"""Files in two places while they are moved: new ones are written to one of them, and both are read.

No file is missing at any moment: `webapp.operations.file_move` deletes a file from the old place when the new place
has it.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import BinaryIO
from uuid import UUID

from webapp.jobs.store.file_store import CHUNK, FileStore, FoundFile, PartialFile

_IN_OLD = "old:"  # before the place of a file in the old store


class FilesInTwoPlaces(FileStore):
    """The files of two stores."""

    def __init__(self, new: FileStore, old: FileStore) -> None:
        self.new, self.old = new, old
        self.folder = new.folder or old.folder

    def new_file(self, limit: int | None = None, *, file_id: UUID | None = None) -> PartialFile:
        """Return a new, empty file of at most ``limit`` bytes in the new place."""
        return self.new.new_file(limit, file_id=file_id)

    def open(self, file_id: UUID) -> BinaryIO:
        """Open a complete file for reading; raise ``FileNotFoundError``."""
        for store in (self.new, self.old):
            try:
                return store.open(file_id)
            except FileNotFoundError:
                continue
        return self.new.open(file_id)  # it was moved between the two looks

    def has(self, file_id: UUID) -> bool:
        """Return whether a complete file exists."""
        return self.new.has(file_id) or self.old.has(file_id) or self.new.has(file_id)

    def remove(self, file_id: UUID) -> None:
        """Delete a file from both places."""
        self.old.remove(file_id)  # first, so that it cannot be moved afterwards
        self.new.remove(file_id)

    def link(self, file_id: UUID) -> UUID:
        """Return a second id for the same bytes, in the new place; raise ``FileNotFoundError``."""
        try:
            return self.new.link(file_id)
        except FileNotFoundError:
            with self.open(file_id) as content, self.new_file() as copy:
                while chunk := content.read(CHUNK):
                    copy.write(chunk)
                return copy.keep("copy").id

    def stage(self, user_id: UUID, file_id: UUID) -> None:
        """Note that a complete file without a row waits for a user, in the place that has it."""
        (self.new if self.new.has(file_id) else self.old).stage(user_id, file_id)

    def staged(self, user_id: UUID) -> list[tuple[UUID, int]]:
        """Return the files that wait for a user and their sizes in bytes: those of the new place first."""
        return [*self.new.staged(user_id), *self.old.staged(user_id)]

    def remove_staged(self, user_id: UUID, file_id: UUID) -> None:
        """Delete a file that waits for a user from both places."""
        self.old.remove_staged(user_id, file_id)
        self.new.remove_staged(user_id, file_id)

    def files(self, older_than: timedelta, now: float) -> Iterator[FoundFile]:
        """Yield every file of both places that is older than ``older_than``; ``now`` is Unix time."""
        old = (FoundFile(found.id, _IN_OLD + found.place) for found in self.old.files(older_than, now))
        return chain(self.new.files(older_than, now), old)

    def remove_found(self, found: FoundFile) -> None:
        """Delete a file where it was found."""
        if found.place.startswith(_IN_OLD):
            self.old.remove_found(FoundFile(found.id, found.place.removeprefix(_IN_OLD)))
        else:
            self.new.remove_found(found)

    def retry_for(self, seconds: float) -> None:
        """Let requests to another machine be repeated for so long if they fail."""
        self.new.retry_for(seconds)
        self.old.retry_for(seconds)

    def check(self) -> None:
        """Raise `StorageUnavailable` if one of the places cannot be used."""
        self.new.check()
        self.old.check()
