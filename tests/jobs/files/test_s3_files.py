"""What only a bucket can do wrong; `tests/jobs/store/test_file_store.py` runs against disk and bucket."""

from datetime import timedelta
from time import time

import pytest

from tests.stored_files import everything, stored_at
from webapp.jobs.files.s3_files import S3Files, object_key

pytestmark = [pytest.mark.storages, pytest.mark.parametrize("storage", ["s3"])]


def test_the_key_is_the_path_that_the_file_has_on_a_disk(files: S3Files) -> None:
    stored = files.receive(b"x", "a")
    assert [found.key for found in everything(files)] == [object_key(stored.id)]
    assert object_key(stored.id) == f"{stored.id.hex[-2:]}/{stored.id.hex}"


def test_an_object_of_somebody_else_is_left_alone(files: S3Files) -> None:
    stored_at(files, "notes/readme.txt").write_bytes(b"not ours")
    assert list(files.files(timedelta.min, time())) == []


def test_a_file_that_the_server_cannot_copy_is_copied_here(files: S3Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.jobs.files.s3_files._COPIED", 3)
    with files.open(files.link(files.receive(b"four", "a").id)) as copy:
        assert copy.read() == b"four"
