"""Files in two places: every file is found in both, new ones are in the new place."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from webapp.jobs.files.disk_files import DiskFiles
from webapp.jobs.files.two_places import FilesInTwoPlaces
from webapp.jobs.store.file_store import FileStore, StoredFile


@pytest.fixture
def both(tmp_path: Path) -> FilesInTwoPlaces:
    return FilesInTwoPlaces(DiskFiles(tmp_path / "new"), DiskFiles(tmp_path / "old"))


@pytest.fixture
def old_file(both: FilesInTwoPlaces) -> StoredFile:
    return both.old.receive(b"old", "old.txt")


def content(files: FileStore, file_id: UUID) -> bytes:
    with files.open(file_id) as source:
        return source.read()


def test_new_files_are_written_to_the_new_place(both: FilesInTwoPlaces) -> None:
    file = both.receive(b"new", "new.txt")
    assert (both.new.has(file.id), both.old.has(file.id)) == (True, False)


def test_files_of_both_places_are_read(both: FilesInTwoPlaces, old_file: StoredFile) -> None:
    new = both.receive(b"new", "new.txt")
    assert (content(both, old_file.id), content(both, new.id)) == (b"old", b"new")
    assert both.has(old_file.id)
    with pytest.raises(FileNotFoundError):
        both.open(uuid4())


def test_a_file_that_is_moved_between_two_looks_is_found(
    both: FilesInTwoPlaces, old_file: StoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved_first(open_file: Callable[[UUID], Any]) -> Callable[[UUID], Any]:
        def opened(file_id: UUID) -> Any:
            with both.new.new_file(file_id=file_id) as copy:
                copy.write(b"old")
                copy.keep("old.txt")
            both.old.remove(file_id)
            return open_file(file_id)

        return opened

    monkeypatch.setattr(both.old, "open", moved_first(both.old.open))
    assert content(both, old_file.id) == b"old"


def test_a_file_is_removed_from_both_places(both: FilesInTwoPlaces, old_file: StoredFile) -> None:
    with both.new_file(file_id=old_file.id) as copy:
        copy.keep("old.txt")
    both.remove(old_file.id)
    assert (both.new.has(old_file.id), both.old.has(old_file.id)) == (False, False)


def test_a_copy_of_an_old_file_is_in_the_new_place(both: FilesInTwoPlaces, old_file: StoredFile) -> None:
    copy = both.link(old_file.id)
    assert content(both.new, copy) == b"old"


def test_staged_files_are_noted_where_they_are(both: FilesInTwoPlaces, old_file: StoredFile) -> None:
    new, ana = both.receive(b"newer", "new.txt"), uuid4()
    for file in (old_file, new):
        both.stage(ana, file.id)
    assert both.staged(ana) == [(new.id, 5), (old_file.id, 3)]
    both.remove_staged(ana, old_file.id)
    assert both.staged(ana) == [(new.id, 5)]


def test_old_files_of_both_places_are_swept(both: FilesInTwoPlaces, old_file: StoredFile) -> None:
    both.receive(b"new", "new.txt")
    for found in list(both.files(timedelta(days=1), time() + 2 * 86_400)):
        both.remove_found(found)
    assert list(both.files(timedelta.min, time())) == []
