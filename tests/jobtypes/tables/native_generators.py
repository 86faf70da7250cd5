"""What the tests run in a process of a native library; it imports as little as the real functions."""

from collections.abc import Iterator

from webapp.jobtypes.tables.native_main import RefusedFile


def counted(most: int) -> Iterator[int]:
    yield from range(most)


def refused() -> Iterator[None]:
    message = "This is no table."
    raise RefusedFile(message)
    yield


def greedy() -> Iterator[int]:
    yield len(bytearray(2_000_000_000))


def faulty() -> Iterator[int]:
    yield 1 // 0
