"""Captures what the process writes to its standard output and standard error, for the log of the job that runs.

The descriptors 1 and 2 are redirected once for all jobs of a work-horse: a job that prints nothing costs one question
to the kernel. A thread reads the pipe. It waits a moment first, so that many lines become one write to the database;
meanwhile they are in the pipe, where the worker finds them if the work-horse is killed. What is written between jobs,
and what a type with ``capture_output=False`` writes, goes where it went before.
"""

import ctypes
import os
import sys
import threading
from contextlib import suppress
from time import monotonic, sleep
from typing import Self, TextIO, cast
from weakref import WeakSet

from webapp import os_process
from webapp.jobs.execution.output.library_log import LibraryLog
from webapp.jobs.execution.output.output_lines import OutputLines
from webapp.jobs.execution.output.output_pipe import FormerOutput, OutputPipe
from webapp.jobs.execution.reporter import Reporter

_OUT, _ERR = 1, 2
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.25
_BEGUN_LINE_MILLISECONDS = 1000  # after which a line without an end is shown
_JOIN_SECONDS = 5.0
_c = ctypes.CDLL(None)
_captures: WeakSet["OutputCapture"] = WeakSet()


class OutputCapture:
    """Captures in a ``with`` block; ``with capture.of(reporter):`` around a handler says whose output it is.

    With ``tee``, everything also goes where standard error went before, which is `outside`.
    """

    def __init__(self, pipe: OutputPipe, *, tee: bool = False) -> None:
        self._pipe = pipe
        self._tee = tee
        self._lock = threading.RLock()  # also of a signal handler that prints
        self._reporter: Reporter | None = None  # of the job that runs
        self._lines: OutputLines | None = None  # of its output, once there is some
        self._closing = False
        self._in_copy = False  # in a process that a handler has forked
        self._library_log = LibraryLog(self._take_text, tee=tee)

    def __enter__(self) -> Self:
        """Redirect the descriptors, Python's streams and the handlers of the root logger."""
        self._streams = sys.stdout, sys.stderr
        _flush(*self._streams)
        self._former = FormerOutput(_OUT), FormerOutput(_ERR)
        self._pipe.redirect(_OUT, _ERR)
        self._own_streams = sys.stdout, sys.stderr = _stream(_OUT), _stream(_ERR)
        self.outside = cast(TextIO, self._former[1]) if _writes_to(self._streams[1], _ERR) else self._streams[1]
        self._library_log.install(self._streams, self.outside)
        _captures.add(self)
        self._thread = os_process.start_thread(self._run, "output")
        return self

    def __exit__(self, *_: object) -> None:
        """Put everything back."""
        self._library_log.remove()
        _flush(*self._own_streams)
        sys.stdout, sys.stderr = self._streams
        for number, former in zip((_OUT, _ERR), self._former, strict=True):
            former.restore(number)
        self._read_quietly()
        self._closing = True
        with suppress(OSError):
            self._pipe.wake()
            self._thread.join(_JOIN_SECONDS)
            self._pipe.read()  # what has woken the thread
        _captures.discard(self)

    def of(self, reporter: Reporter) -> "JobOutput":
        """Return a context in which everything belongs to a job."""
        return JobOutput(self, reporter)

    def begin(self, reporter: Reporter) -> None:
        """Give everything to a job from now on."""
        self._reporter = reporter
        reporter.read_output = self._read_quietly

    def end(self) -> None:
        """Give the job what was written until now, and nothing from now on."""
        _flush(*self._own_streams)
        self._read_quietly()
        with self._lock:  # if the thread has just read, its lines are there now
            reporter, lines = self._reporter, self._lines
            self._reporter = self._lines = None
        if reporter:
            reporter.read_output = None
            if lines and (dropped := lines.end()):
                reporter.log("WARNING", dropped)

    def forget(self) -> None:
        """Read nothing any more, in a process that a handler has forked: its parent reads what it writes."""
        self._lock = threading.RLock()
        self._in_copy = self._reporter is not None
        if self._reporter:
            self._reporter.read_output = None
        self._reporter = self._lines = None

    def _run(self) -> None:
        with suppress(OSError):  # a job has closed the pipe; its work-horse ends
            while not self._closing:
                begun = self._lines is not None and self._lines.has_begun_line
                arrived = self._pipe.wait(_BEGUN_LINE_MILLISECONDS if begun else None)
                if arrived:
                    self._wait_for_more()
                if self._closing:  # only what has woken this thread is in the pipe
                    return
                if arrived:
                    self._read()
                else:
                    self._end_line()
                if reporter := self._reporter:
                    reporter.flush_soon()

    def _wait_for_more(self) -> None:
        deadline, enough = monotonic() + _LONGEST_PAUSE_SECONDS, self._pipe.capacity // 2
        while self._reporter and not (self._lines and self._lines.is_full):
            if self._closing or self._pipe.waiting() >= enough or monotonic() > deadline:
                return
            sleep(_PAUSE_SECONDS)

    def _read_quietly(self) -> None:
        with suppress(OSError):  # a job has closed the pipe
            self._read()

    def _read(self) -> None:
        if self._pipe.is_empty():
            return
        with self._lock:
            data = self._pipe.read()
            if self._reporter is None or self._tee:
                self.outside.write(data.decode(errors="replace"))
            if self._reporter:
                self._lines_of(self._reporter).feed(data)

    def _end_line(self) -> None:
        with self._lock:
            if self._lines:
                self._lines.end_line()

    def _take_text(self, text: str) -> bool:
        with self._lock:
            if self._reporter is None:
                if self._in_copy:
                    sys.stderr.write(f"{text}\n")
                return self._in_copy
            self._read_quietly()
            self._lines_of(self._reporter).add_text(text)
            return True

    def _lines_of(self, reporter: Reporter) -> OutputLines:
        self._lines = self._lines or OutputLines(reporter.add_output)
        return self._lines


class JobOutput:
    """What is written in this context belongs to one job."""

    __slots__ = ("_capture", "_reporter")

    def __init__(self, capture: OutputCapture, reporter: Reporter) -> None:
        self._capture, self._reporter = capture, reporter

    def __enter__(self) -> None:
        """Begin."""
        self._capture.begin(self._reporter)

    def __exit__(self, *_: object) -> None:
        """End."""
        self._capture.end()


def _stream(number: int) -> TextIO:
    return open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _writes_to(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError):
        return False  # a test has replaced it


def _flush(*streams: TextIO) -> None:
    """Flush the buffers of Python and of C."""
    for stream in streams:
        with suppress(OSError, ValueError):  # a job has closed it
            stream.flush()
    _c.fflush(None)


def _forget_in_child() -> None:
    for capture in tuple(_captures):
        capture.forget()


os.register_at_fork(after_in_child=_forget_in_child)
