"""Reading objects: in few requests, from any position, over a connection that breaks."""

import os
from collections.abc import Iterator

import pytest

from webapp.jobs.files.s3_client import S3Client
from webapp.jobs.files.s3_files import S3Files
from webapp.jobs.files.s3_reader import S3File
from webapp.jobs.store.file_store import StorageUnavailable

pytestmark = [pytest.mark.storages, pytest.mark.parametrize("storage", ["s3"])]
CONTENT = os.urandom(3_000_000)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record where each request for content begins."""
    begun: list[int] = []
    read = S3Client.read

    def recorded(client: S3Client, key: str, start: int, chunk: int) -> Iterator[bytes]:
        begun.append(start)
        return read(client, key, start, chunk)

    monkeypatch.setattr(S3Client, "read", recorded)
    return begun


def test_a_file_is_read_in_one_request(files: S3Files, requests: list[int]) -> None:
    with files.open(files.receive(CONTENT, "a").id) as source:
        assert b"".join(iter(lambda: source.read(100_000), b"")) == CONTENT
    assert requests == [0]


def test_only_what_is_asked_for_is_requested(files: S3Files, requests: list[int]) -> None:
    with files.open(files.receive(CONTENT, "a").id) as source:
        assert requests == []
        source.seek(2_900_000)
        assert source.read(10) == CONTENT[2_900_000:2_900_010]
        source.seek(2_990_000)
        assert source.read() == CONTENT[2_990_000:]
        source.seek(0)
        assert source.read(3) == CONTENT[:3]
    assert requests == [2_900_000, 0]


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 10), (10, 2_000_000), (2_999_999, None), (3_000_000, 5)])
def test_a_file_is_read_in_pieces_from_any_position(
    files: S3Files, requests: list[int], start: int, length: int | None
) -> None:
    with files.open(files.receive(CONTENT, "a").id) as source:
        assert isinstance(source, S3File)
        source.seek(start)
        assert b"".join(source.pieces(length)) == CONTENT[start:][:length]
    assert requests == ([start] if start < len(CONTENT) else [])


def test_pieces_begin_where_reading_has_stopped(files: S3Files) -> None:
    with files.open(files.receive(CONTENT, "a").id) as source:
        assert isinstance(source, S3File)
        assert source.read(5) == CONTENT[:5]
        assert b"".join(source.pieces()) == CONTENT[5:]


@pytest.mark.parametrize("breaks", [1, 4])
def test_a_connection_that_breaks_is_replaced(files: S3Files, monkeypatch: pytest.MonkeyPatch, breaks: int) -> None:
    stored, read, left = files.receive(CONTENT, "a"), S3Client.read, [breaks]

    def breaking(client: S3Client, key: str, start: int, chunk: int) -> Iterator[bytes]:
        for number, data in enumerate(read(client, key, start, chunk)):
            if number and left[0]:
                left[0] -= 1
                raise StorageUnavailable("The connection broke.")
            yield data

    monkeypatch.setattr(S3Client, "read", breaking)
    with files.open(stored.id) as source:
        assert source.read() == CONTENT
    assert left == [0]


def test_a_server_that_sends_nothing_more_is_an_error_and_no_short_file(
    files: S3Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = files.receive(CONTENT, "a")
    monkeypatch.setattr(S3Client, "read", lambda _client, _key, start, _chunk: iter([b"x"] if start == 0 else []))
    with files.open(stored.id) as source, pytest.raises(StorageUnavailable, match="broke"):
        source.read()
