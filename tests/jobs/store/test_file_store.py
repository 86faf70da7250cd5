import csv
import io
import os
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from time import time
from uuid import UUID, uuid4

import pytest

from tests.stored_files import everything, stored_path
from webapp.jobs.store.file_store import CHUNK, FileStore, FileTooLarge, media_type_of

pytestmark = pytest.mark.storages


def test_a_file_is_stored_with_its_size_and_hash(files: FileStore) -> None:
    data = os.urandom(3 * CHUNK + 7)
    stored = files.receive(io.BytesIO(data), "data.csv")
    assert (stored.size, stored.sha256) == (len(data), sha256(data).hexdigest())
    assert (stored.name, stored.media_type) == ("data.csv", "text/csv")
    with files.open(stored.id) as source:
        assert source.read() == data
    assert everything(files) == [stored_path(files, stored.id)]


def test_an_empty_file_can_be_stored(files: FileStore) -> None:
    assert files.receive(io.BytesIO(b""), "empty.txt").size == 0


@pytest.mark.parametrize(("size", "fits"), [(99, True), (100, True), (101, False), (5 * CHUNK, False)])
def test_the_limit_is_in_bytes_and_leaves_nothing_behind(files: FileStore, size: int, fits: bool) -> None:
    if fits:
        assert files.receive(io.BytesIO(b"x" * size), "a", limit=100).size == size
        return
    with pytest.raises(FileTooLarge, match="larger than the allowed 100 bytes"):
        files.receive(io.BytesIO(b"x" * size), "a", limit=100)
    assert everything(files) == []


def test_a_stream_that_breaks_leaves_nothing_behind(files: FileStore) -> None:
    class Broken(io.BytesIO):
        parts: Iterator[bytes] = iter([b"some"])

        def read(self, *_: object) -> bytes:
            return next(self.parts)

    with pytest.raises(StopIteration):
        files.receive(Broken(), "a")
    assert everything(files) == []


def test_a_file_does_not_exist_before_it_is_kept(files: FileStore) -> None:
    with files.new_file() as draft:
        draft.write(b"half")
        assert not stored_path(files, draft.id).exists()
        stored = draft.keep("whole.txt")
    assert stored_path(files, stored.id).read_bytes() == b"half"


def test_removing_twice_is_no_error(files: FileStore) -> None:
    stored = files.receive(io.BytesIO(b"x"), "a")
    files.remove(stored.id)
    files.remove(stored.id)
    with pytest.raises(FileNotFoundError):
        files.open(stored.id)


def test_a_media_type_is_guessed_from_the_extension() -> None:
    assert media_type_of("a.csv") == "text/csv"
    assert media_type_of("a.unheard-of") == "application/octet-stream"


@pytest.mark.parametrize("position", [0, 1, CHUNK, 3 * CHUNK - 1, 3 * CHUNK + 6, 3 * CHUNK + 7, 3 * CHUNK + 100])
def test_a_file_is_read_from_any_position(files: FileStore, position: int) -> None:
    data = os.urandom(3 * CHUNK + 7)
    stored = files.receive(data, "data.bin")
    with files.open(stored.id) as source:
        assert source.seek(0, os.SEEK_END) == len(data)
        assert source.read() == b""
        assert source.seek(position) == source.tell() == position
        assert source.read(100) == data[position : position + 100]
        source.seek(-5, os.SEEK_END)
        assert source.read() == data[-5:]
        source.seek(2)
        assert source.read(3) == data[2:5]
        assert source.readable()
        assert source.seekable()


def test_a_table_and_an_archive_are_read_as_from_any_open_file(files: FileStore) -> None:
    with files.new_file() as draft:
        with zipfile.ZipFile(draft.writer(), "w") as archive:
            archive.writestr("a.csv", "a,b\r\n1,2\r\n")
        stored = draft.keep("a.zip")
    with files.open(stored.id) as source, zipfile.ZipFile(source) as archive, archive.open("a.csv") as table:
        assert list(csv.reader(io.TextIOWrapper(table, "utf-8", newline=""))) == [["a", "b"], ["1", "2"]]


def test_a_missing_file_cannot_be_opened_or_linked(files: FileStore) -> None:
    files.receive(b"another one", "a")
    missing = uuid4()
    assert not files.has(missing)
    for use in (files.open, files.link):
        with pytest.raises(FileNotFoundError):
            use(missing)


def test_a_link_has_the_bytes_and_a_life_of_its_own(files: FileStore) -> None:
    first = files.receive(b"content", "a").id
    second = files.link(first)
    files.remove(first)
    with files.open(second) as source:
        assert source.read() == b"content"


def test_a_file_can_bring_its_id(files: FileStore) -> None:
    file_id = UUID("01a2272f-b0c3-724f-a8be-0ac3e69af3db")
    with files.new_file(file_id=file_id) as given_up:
        given_up.write(b"not kept")
    with files.new_file(file_id=file_id) as draft:
        draft.write(b"kept")
        draft.keep("a")
    with files.open(file_id) as source:
        assert source.read() == b"kept"


def test_staged_files_are_listed_for_their_user_until_they_are_gone(files: FileStore) -> None:
    ana, bob = uuid4(), uuid4()
    one, two = files.receive(b"1", "one"), files.receive(b"22", "two")
    for user, file in ((ana, one), (bob, one), (bob, two)):
        files.stage(user, file.id)
    assert dict(files.staged(bob)) == {one.id: 1, two.id: 2}
    files.remove_staged(ana, one.id)
    assert (files.staged(ana), files.staged(bob)) == ([], [(two.id, 2)])


def test_old_files_are_found_and_removed(files: FileStore) -> None:
    stored = files.receive(b"x", "a")
    files.stage(uuid4(), stored.id)
    assert list(files.files(timedelta(days=1), time())) == []
    (found,) = files.files(timedelta(days=1), time() + 2 * 86_400)
    assert (found.id, found.place) == (stored.id, f"{stored.id.hex[-2:]}/{stored.id.hex}")
    files.remove_found(found)
    files.remove_found(found)
    assert not files.has(stored.id)


def test_a_store_that_works_passes_its_check_and_keeps_nothing_of_it(files: FileStore) -> None:
    files.check()
    assert list(files.files(timedelta.min, time())) == []
