import io
import os
import stat
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from webapp.jobs.store.file_store import CHUNK, FileStore, FileTooLarge, media_type_of


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


def on_disk(files: FileStore) -> list[Path]:
    return [path for path in files.root.rglob("*") if path.is_file()]


def test_a_file_is_stored_with_its_size_and_hash(files: FileStore) -> None:
    data = os.urandom(3 * CHUNK + 7)
    stored = files.receive(io.BytesIO(data), "data.csv")
    assert (stored.size, stored.sha256) == (len(data), sha256(data).hexdigest())
    assert (stored.name, stored.media_type) == ("data.csv", "text/csv")
    with files.open(stored.id) as source:
        assert source.read() == data
    assert on_disk(files) == [files.path(stored.id)]


def test_an_empty_file_can_be_stored(files: FileStore) -> None:
    assert files.receive(io.BytesIO(b""), "empty.txt").size == 0


@pytest.mark.parametrize(("size", "fits"), [(99, True), (100, True), (101, False), (5 * CHUNK, False)])
def test_the_limit_is_in_bytes_and_leaves_nothing_behind(files: FileStore, size: int, fits: bool) -> None:
    if fits:
        assert files.receive(io.BytesIO(b"x" * size), "a", limit=100).size == size
        return
    with pytest.raises(FileTooLarge, match="larger than the allowed 100 bytes"):
        files.receive(io.BytesIO(b"x" * size), "a", limit=100)
    assert on_disk(files) == []


def test_a_stream_that_breaks_leaves_nothing_behind(files: FileStore) -> None:
    class Broken(io.BytesIO):
        parts: Iterator[bytes] = iter([b"some"])

        def read(self, *_: object) -> bytes:
            return next(self.parts)

    with pytest.raises(StopIteration):
        files.receive(Broken(), "a")
    assert on_disk(files) == []


def test_a_disk_that_is_full_leaves_nothing_behind(files: FileStore, file_size_limit: Callable[[int], Any]) -> None:
    with file_size_limit(100_000), pytest.raises(OSError, match="too large"):
        files.receive(io.BytesIO(b"x" * 200_000), "big.bin")
    assert on_disk(files) == []


def test_only_the_owner_of_the_process_can_read_files(files: FileStore) -> None:
    stored = files.receive(io.BytesIO(b"x"), "a")
    path = files.path(stored.id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_does_not_exist_before_it_is_kept(files: FileStore) -> None:
    with files.new_file() as draft:
        draft.write(b"half")
        assert not files.path(draft.id).exists()
        stored = draft.keep("whole.txt")
    assert files.path(stored.id).read_bytes() == b"half"


def test_a_symbolic_link_is_not_followed(files: FileStore, tmp_path: Path) -> None:
    stored = files.receive(io.BytesIO(b"x"), "a")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    files.path(stored.id).unlink()
    files.path(stored.id).symlink_to(secret)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        files.open(stored.id)


def test_removing_twice_is_no_error(files: FileStore) -> None:
    stored = files.receive(io.BytesIO(b"x"), "a")
    files.remove(stored.id)
    files.remove(stored.id)
    with pytest.raises(FileNotFoundError):
        files.open(stored.id)


def test_a_media_type_is_guessed_from_the_extension() -> None:
    assert media_type_of("a.csv") == "text/csv"
    assert media_type_of("a.unheard-of") == "application/octet-stream"
