"""The storages of tests, a disk and a bucket, and their files as a test sees them.

A file is on disk a path, and in a bucket an object with the same methods.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from typing import Any
from uuid import UUID, uuid4

import obstore
import pytest
from pydantic import SecretStr

from benchmarks.s3_server import SECRET_KEY, S3Server
from webapp.config import load
from webapp.jobs.files.configured_files import configured_files
from webapp.jobs.files.disk_files import DiskFiles, relative_path
from webapp.jobs.files.s3_files import S3Files
from webapp.jobs.files.two_places import FilesInTwoPlaces
from webapp.jobs.store.file_store import FileStore

STORAGES = ("disk", "s3")
BUCKET = "deskjob-tests"


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest) -> str:
    """Run the test with files on disk and in a bucket: in a bucket by default only in modules marked as `storages`."""
    return str(request.param)


@pytest.fixture
def s3_place(s3_server: S3Server) -> dict[str, Any]:
    """Return the settings of an installation with an empty place in a bucket."""
    return {**s3_server.settings(BUCKET, uuid4().hex), "storage_secret_key": SecretStr(SECRET_KEY)}


@pytest.fixture
def files(request: pytest.FixtureRequest, storage: str, tmp_path: Path) -> FileStore:
    """Return an empty store, without an installation."""
    place = request.getfixturevalue("s3_place") if storage == "s3" else {"storage_url": str(tmp_path / "files")}
    return configured_files(load(data_dir=tmp_path, **place))


@pytest.fixture
def file_size_limit() -> Callable[[int], Any]:
    """Return a context in which no file can grow beyond a size in bytes, as on a full disk."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = getrlimit(RLIMIT_FSIZE)
        setrlimit(RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            setrlimit(RLIMIT_FSIZE, before)

    return limited


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
