"""The channel over which a worker asks its work-horse where it is.

A thread of the work-horse answers with the frames of all threads. It cannot while native code keeps Python from
running, for example a regular expression that takes for ever. Then a signal does it, whose handler is native code too:
it writes the frames of the main thread, which runs the handler of the job. No other thread runs Python code at that
moment, and the main thread waits for the signal's handler, so nothing is read while it changes.
"""

import faulthandler
import json
import os
import re
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from traceback import walk_stack
from types import FrameType

from webapp import os_process

_SIGNAL = signal.SIGWINCH  # ignored by a process without a handler, so it harms none
_MOST_FRAMES, _MOST_THREADS = 100, 50
_QUIET_SECONDS = 0.05  # after which the signal's handler has written everything
_MOST_BYTES = 4 * 1024 * 1024
_NATIVE_START = b"Stack (most recent call first):"
_NATIVE_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)
MAIN = "MainThread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A call: a place in a source file."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStack:
    """The calls of a thread, the most recent one last."""

    thread: str
    frames: tuple[Frame, ...]


class StackChannel:
    """Made by the worker before it forks. The work-horse calls `answer`, the worker `ask`."""

    def __init__(self) -> None:
        self._worker_end, self._horse_end = socket.socketpair()
        self._horse_number = self._horse_end.fileno()
        self._identity = _identity(self._horse_number)
        self._asked = 0

    def answer(self) -> None:
        """Answer from now on, in the work-horse."""
        self._worker_end.close()
        faulthandler.register(_SIGNAL, file=self._horse_number, all_threads=False)
        os_process.start_thread(self._run, "stacks")

    def ask(self, pid: int, patience: float) -> tuple[ThreadStack, ...]:
        """Return the stacks of a work-horse, its main thread first; empty if it does not answer.

        Waits at most ``patience`` seconds for its thread, and as long for the signal.
        """
        with suppress(OSError):  # it has ended, or its job has closed the socket
            self._discard_late_answers()
            self._asked = (self._asked + 1) % 256
            self._worker_end.send(bytes([self._asked]))
            stacks = self._read(patience)
            if not stacks and self._can_be_signalled(pid):
                os.kill(pid, _SIGNAL)
                stacks = self._read(patience)
            return stacks
        return ()

    def close_horse_end(self) -> None:
        """Close the end of the work-horse, in the worker."""
        self._horse_end.close()

    def close(self) -> None:
        """Close the end of the worker."""
        self._worker_end.close()

    def _run(self) -> None:
        with suppress(OSError):
            while (question := self._horse_end.recv(1)) and self._is_open():
                self._horse_end.sendall(json.dumps([question[0], list(_own_stacks())]).encode() + b"\n")

    def _is_open(self) -> bool:
        """Return whether the descriptor is still the socket: a job can close it, and a file can get its number."""
        return _identity(self._horse_number) == self._identity

    def _can_be_signalled(self, pid: int) -> bool:
        """Return whether the handler of the signal would write into the socket, and into nothing else."""
        with suppress(OSError):
            found = os.stat(f"/proc/{pid}/fd/{self._horse_number}")  # noqa: PTH116
            return (found.st_dev, found.st_ino) == self._identity
        return False

    def _discard_late_answers(self) -> None:
        while _arrives(self._worker_end, 0) and self._worker_end.recv(_MOST_BYTES):
            pass

    def _read(self, patience: float) -> tuple[ThreadStack, ...]:
        """Read the answer to the newest question; empty if none arrives within so many seconds.

        Late answers can arrive before it, whole or in part: a process that was stopped answers every question when it
        goes on.
        """
        received, deadline = b"", monotonic() + patience
        while len(received) < _MOST_BYTES:
            for line in received.split(b"\n")[:-1]:  # the last one is not complete
                if (stacks := _stacks_in(line, self._asked)) is not None:
                    return stacks
            seconds = _QUIET_SECONDS if _NATIVE_START in received else deadline - monotonic()
            part = self._worker_end.recv(_MOST_BYTES) if _arrives(self._worker_end, seconds) else b""
            if not part:  # nothing more arrives, or the job has closed every copy of the socket
                return _native_stacks_in(received)
            received += part
        return ()


def _identity(number: int) -> tuple[int, int]:
    found = os.fstat(number)
    return found.st_dev, found.st_ino


def _arrives(end: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(end, select.POLLIN)
    return bool(poll.poll(max(seconds, 0) * 1000))


def _own_stacks() -> Iterator[tuple[str, list[tuple[str, int, str]]]]:
    """Yield the frames of the other threads of this process, the main thread first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    main = threading.main_thread().ident
    frames = sys._current_frames()  # noqa: SLF001  (the documented way)
    others = sorted(frames.keys() - {threading.get_ident()}, key=lambda ident: ident != main)
    for ident in others[:_MOST_THREADS]:
        yield names.get(ident, str(ident)), _places(frames[ident])


def _places(frame: FrameType) -> list[tuple[str, int, str]]:
    calls = islice(walk_stack(frame), _MOST_FRAMES)
    return [(call.f_code.co_filename, line, call.f_code.co_name) for call, line in calls][::-1]


def _stacks_in(line: bytes, asked: int) -> tuple[ThreadStack, ...] | None:
    """Return the stacks in the thread's answer; nothing if it answers another question, or is a part of an answer."""
    if not line.startswith(b"["):
        return None
    try:
        number, stacks = json.loads(line)
    except ValueError:  # the signal's answer has come between its parts
        return None
    return tuple(_stack(name, places) for name, places in stacks) if number == asked else None


def _native_stacks_in(received: bytes) -> tuple[ThreadStack, ...]:
    found = _NATIVE_FRAME.findall(received.decode(errors="backslashreplace"))
    places = [(file, int(line), function) for file, line, function in found]
    return (_stack(MAIN, places[::-1]),) if places else ()


def _stack(name: str, places: list[tuple[str, int, str]]) -> ThreadStack:
    frames = tuple(Frame(file=file, line=line, function=function) for file, line, function in places)
    return ThreadStack(thread=name, frames=frames)
