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
_PART_BYTES, _MOST_BYTES = 65_536, 4 * 1024 * 1024
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
    """Made by the worker before it forks. The work-horse calls `answer`, the worker `ask`.

    The thread answers over a socket, the signal's handler over a pipe of its own: it interrupts nobody's line.
    """

    def __init__(self) -> None:
        self._worker_end, self._horse_end = socket.socketpair()
        self._signal_reader, self._signal_writer = os.pipe()
        self._identities = {number: _identity(number) for number in (self._horse_end.fileno(), self._signal_writer)}
        self._asked = 0

    def answer(self) -> None:
        """Answer from now on, in the work-horse."""
        self._worker_end.close()
        os.close(self._signal_reader)
        faulthandler.register(_SIGNAL, file=self._signal_writer, all_threads=False)
        os_process.start_thread(self._run, "stacks")

    def ask(self, pid: int, patience: float) -> tuple[ThreadStack, ...]:
        """Return the stacks of a work-horse, its main thread first; empty if it does not answer.

        Waits at most ``patience`` seconds for its thread, and as long for the signal.
        """
        with suppress(OSError):  # it has ended, or its job has closed the socket
            self._asked = (self._asked + 1) % 256
            self._worker_end.send(bytes([self._asked]))
            return self._thread_answer(patience) or self._signal_answer(pid, patience)
        return ()

    def close_horse_end(self) -> None:
        """Close the ends of the work-horse, in the worker."""
        self._horse_end.close()
        os.close(self._signal_writer)

    def close(self) -> None:
        """Close the ends of the worker."""
        self._worker_end.close()
        os.close(self._signal_reader)

    def _run(self) -> None:
        number = self._horse_end.fileno()
        with suppress(OSError):
            # A job can close the descriptor, and a file can get its number
            while (question := self._horse_end.recv(1)) and _identity(number) == self._identities[number]:
                self._horse_end.sendall(json.dumps([question[0], list(_own_stacks())]).encode() + b"\n")

    def _thread_answer(self, patience: float) -> tuple[ThreadStack, ...]:
        """Return what the thread answers to the newest question; empty if it does not within so many seconds.

        Late answers can arrive before it, whole or in part: a process that was stopped answers every question when it
        goes on.
        """
        line, deadline = b"", monotonic() + patience
        while len(line) < _MOST_BYTES and (part := _next_part(self._worker_end.fileno(), deadline)):
            *lines, line = (line + part).split(b"\n")
            for number, stacks in map(json.loads, lines):
                if number == self._asked:
                    return tuple(_stack(name, places) for name, places in stacks)
        return ()

    def _signal_answer(self, pid: int, patience: float) -> tuple[ThreadStack, ...]:
        """Return what the signal's handler writes; empty if it writes nothing within so many seconds."""
        received = b""
        if self._can_be_signalled(pid):
            while _next_part(self._signal_reader, 0):  # late answers
                pass
            os.kill(pid, _SIGNAL)
            deadline = monotonic() + patience
            while len(received) < _MOST_BYTES and (part := _next_part(self._signal_reader, deadline)):
                received += part
                deadline = monotonic() + _QUIET_SECONDS
        found = _NATIVE_FRAME.findall(received.decode(errors="backslashreplace"))
        places = [(file, int(line), function) for file, line, function in found]
        return (_stack(MAIN, places[::-1]),) if places else ()

    def _can_be_signalled(self, pid: int) -> bool:
        """Return whether the handler of the signal would write into the pipe, and into nothing else."""
        with suppress(OSError):
            found = os.stat(f"/proc/{pid}/fd/{self._signal_writer}")  # noqa: PTH116
            return (found.st_dev, found.st_ino) == self._identities[self._signal_writer]
        return False


def _identity(number: int) -> tuple[int, int]:
    found = os.fstat(number)
    return found.st_dev, found.st_ino


def _next_part(number: int, deadline: float) -> bytes:
    """Read what has arrived; empty if nothing does until the deadline, or the job has closed every copy."""
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return os.read(number, _PART_BYTES) if poll.poll(max(deadline - monotonic(), 0) * 1000) else b""


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


def _stack(name: str, places: list[tuple[str, int, str]]) -> ThreadStack:
    frames = tuple(Frame(file=file, line=line, function=function) for file, line, function in places)
    return ThreadStack(thread=name, frames=frames)
