"""Uploads in parts: constant memory, an object that appears whole or not at all, and nothing left of an aborted one."""

import os
from hashlib import sha256
from typing import Any

import pytest

from tests.stored_files import everything, stored_path
from webapp.jobs.files.s3_client import PART
from webapp.jobs.store.file_store import FileStore, FileTooLarge

pytestmark = [pytest.mark.storages, pytest.mark.parametrize("storage", ["s3"])]
LARGE = 2 * PART + 12_345


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, LARGE])
def test_a_file_of_any_size_arrives_whole(files: FileStore, size: int) -> None:
    content = os.urandom(size)
    stored = files.receive(content, "data.bin")
    assert (stored.size, stored.sha256) == (size, sha256(content).hexdigest())
    assert stored_path(files, stored.id).read_bytes() == content


def test_a_large_file_is_invisible_until_it_is_kept(files: FileStore) -> None:
    with files.new_file() as draft:
        for _ in range(LARGE // 100_000):
            draft.write(bytes(100_000))
        assert everything(files) == []
        assert not files.has(draft.id)
        draft.keep("whole.bin")
    assert files.has(draft.id)


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_file_that_is_given_up_leaves_nothing(files: FileStore, size: int) -> None:
    with pytest.raises(KeyError), files.new_file() as draft:
        draft.write(bytes(size))
        raise KeyError
    assert everything(files) == []


def test_a_file_over_the_limit_leaves_nothing_even_when_parts_were_sent(files: FileStore) -> None:
    with pytest.raises(FileTooLarge), files.new_file(LARGE - 1) as draft:
        for _ in range(LARGE // 100_000 + 1):
            draft.write(bytes(100_000))
    assert everything(files) == []


def test_an_upload_that_the_server_ends_is_noticed_while_it_is_written(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_key: str, content: Any) -> None:
        next(iter(content))
        raise OSError("The connection broke.")

    monkeypatch.setattr(files._client, "put", broken)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="The connection broke"), files.new_file() as draft:
        while True:
            draft.write(bytes(PART))
