"""Stored files as a test sees them, wherever they are: on disk a path, in a bucket an object with the same methods."""

from typing import Any
from uuid import UUID

import obstore

from webapp.jobs.files.disk_files import DiskFiles, relative_path
from webapp.jobs.files.s3_files import S3Files
from webapp.jobs.files.two_places import FilesInTwoPlaces
from webapp.jobs.store.file_store import FileStore


class StoredObject:
    """An object in a bucket, with the methods of a path."""

    def __init__(self, store: Any, key: str) -> None:
        self._store, self.key = store, key
        self.name = key.rpartition("/")[2]

    def exists(self) -> bool:
        try:
            obstore.head(self._store, self.key)
        except FileNotFoundError:
            return False
        return True

    def read_bytes(self) -> bytes:
        return bytes(obstore.get(self._store, self.key).bytes())

    def read_text(self) -> str:
        return self.read_bytes().decode()

    def write_bytes(self, content: bytes) -> None:
        obstore.put(self._store, self.key, content)

    def unlink(self) -> None:
        obstore.delete(self._store, self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredObject) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key


def stored_path(files: FileStore, file_id: UUID) -> Any:
    """Return the path of a complete file, or its object."""
    return stored_at(files, relative_path(file_id).as_posix())


def stored_at(files: FileStore, place: str) -> Any:
    """Return what is at a place below the root of the store."""
    if isinstance(files, FilesInTwoPlaces):
        files = files.new
    if isinstance(files, S3Files):
        return StoredObject(files._client._writer, place)
    assert isinstance(files, DiskFiles)
    return files.folder / place


def everything(files: FileStore) -> list[Any]:
    """Return every file, complete or not, and every note about a staged file."""
    if isinstance(files, S3Files):
        store = files._client._writer
        return [StoredObject(store, found["path"]) for page in obstore.list(store) for found in page]
    assert isinstance(files, DiskFiles)
    return [path for path in files.folder.rglob("*") if path.is_file()]
