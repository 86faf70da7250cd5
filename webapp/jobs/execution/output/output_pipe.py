"""The pipe that carries the output of a work-horse. Its worker can read it too, after the work-horse was killed."""

import fcntl
import mmap
import os
import select
import termios
from contextlib import suppress
from typing import Self

_CAPACITY = 256 * 1024  # bytes; whoever writes faster than the reader reads waits
_USUAL_CAPACITY = 64 * 1024
_ALMOST_FULL = 8 * 1024  # bytes that can be left although a writer waits
_NO_BYTES = b"\0\0\0\0"
_RELIEF_ROUNDS = 100


class OutputPipe:
    """Made by the worker before it forks. The work-horse writes and reads; the worker looks after both.

    A work-horse cannot read while native code keeps Python from running. If that code writes more than the pipe
    holds, it would wait for itself for ever: `relieve` notices this and drops what fills the pipe.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.capacity = _set_capacity(self._writer)
        self._identity = _identity(self._reader)
        self._reads = mmap.mmap(-1, mmap.PAGESIZE)  # shared by both; [0] counts what the work-horse reads, modulo 256
        self._reads_seen = -1

    def __enter__(self) -> Self:
        """Return the pipe."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close both ends, as far as they are open."""
        self.close_writer()
        if self._is_open(self._reader):
            os.close(self._reader)

    def redirect(self, *numbers: int) -> None:
        """Let file descriptors write into the pipe."""
        for number in numbers:
            os.dup2(self._writer, number)

    def close_writer(self) -> None:
        """Close the end that is written to, in the process that does not write."""
        if self._is_open(self._writer):
            os.close(self._writer)

    def is_empty(self) -> bool:
        """Return whether nothing waits to be read. Asked after each job, so it costs less than a microsecond."""
        return fcntl.ioctl(self._reader, termios.FIONREAD, _NO_BYTES) == _NO_BYTES

    def waiting(self) -> int:
        """Return the number of bytes that wait to be read."""
        return int.from_bytes(fcntl.ioctl(self._reader, termios.FIONREAD, _NO_BYTES), "little")

    def wait(self, milliseconds: int | None = None) -> bool:
        """Wait until there is something to read or the time is over; return whether there is something."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def wake(self) -> None:
        """Let `wait` return."""
        if self._is_open(self._writer) and self.is_empty():
            os.write(self._writer, b"\n")

    def read(self) -> bytes:
        """Return what waits to be read; raise ``OSError`` if a job has closed the pipe."""
        self._reads[0] = (self._reads[0] + 1) % 256
        return self._read()

    def rest(self) -> bytes:
        """Return what was written and never read. The worker calls it when the work-horse has ended.

        It is about as much as the pipe holds, so a process that goes on writing, because nothing can kill it, is left.
        """
        rest = b""
        while len(rest) < self.capacity and (data := self._read()):
            rest += data
        return rest

    def relieve(self) -> int:
        """Empty a full pipe that was not read since the last call; return the number of dropped bytes."""
        reads, before = self._reads[0], self._reads_seen
        self._reads_seen = reads
        if reads != before or self.waiting() < self.capacity - _ALMOST_FULL:
            return 0
        dropped = 0
        for _ in range(_RELIEF_ROUNDS):  # its writer goes on meanwhile
            dropped += len(self._read())
            if self._reads[0] != reads or not self.wait(1):
                break
        return dropped

    def _read(self) -> bytes:
        if not self._is_open(self._reader):
            message = "The pipe of the output was closed."
            raise OSError(message)
        try:
            return os.read(self._reader, self.capacity)
        except BlockingIOError:
            return b""

    def _is_open(self, number: int) -> bool:
        """Return whether a descriptor is still the pipe: a job can close it, and a database can get its number."""
        try:
            return _identity(number) == self._identity
        except OSError:
            return False


class FormerOutput:
    """Where a file descriptor wrote before it was redirected; a text stream for log handlers."""

    def __init__(self, number: int) -> None:
        self._copy = os.dup(number)
        self._identity = _identity(self._copy)

    def write(self, text: str) -> int:
        """Write a text, unless the descriptor was closed or nobody reads it any more."""
        data = text.encode(errors="backslashreplace")
        with suppress(OSError):
            while data and _identity(self._copy) == self._identity:
                data = data[os.write(self._copy, data) :]
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def restore(self, number: int) -> None:
        """Let a file descriptor write there again, and close the copy."""
        with suppress(OSError):
            if _identity(self._copy) == self._identity:
                os.dup2(self._copy, number)
                os.close(self._copy)


def _set_capacity(number: int) -> int:
    with suppress(OSError, AttributeError):  # not Linux, or this user's pipes take all the memory that they can
        return fcntl.fcntl(number, fcntl.F_SETPIPE_SZ, _CAPACITY)
    return _USUAL_CAPACITY


def _identity(number: int) -> tuple[int, int]:
    found = os.fstat(number)
    return found.st_dev, found.st_ino
