"""Runs a benchmark so that no process of it is left, however it ends.

Three processes: the one that was started waits. The reaper adopts every process whose own parent ends, such as the
programs of a killed installation or a PostgreSQL server. The benchmark runs in the third one, with temporary files
in a folder that is removed at the end. If the first process is interrupted or killed, its end of a pipe closes; the
reaper then asks the benchmark to clean up, and ends what remains. If the reaper itself is killed, the first process
does its work.
"""

import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from webapp.os_process import adopt_orphans, die_with_parent

INTERRUPTED = 130  # the exit status, as of a shell after Ctrl-C
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CLEAN_UP_SECONDS = 20.0  # for an interrupted benchmark, which stops its servers in order
_GRACE_SECONDS = 5.0  # for processes that it left
_POLL_SECONDS = 0.05


def run(benchmark: Callable[[], int]) -> int:
    """Run ``benchmark`` in a child process; return its exit status when all of its processes have ended.

    Returns in two processes: in the one that was started, and in the child with the result of ``benchmark``.
    """
    reader, writer = os.pipe()
    folder = _temporary_folder()
    adopt_orphans()
    if reaper := os.fork():
        os.close(reader)
        status = _wait_for(reaper, writer)
        if folder.exists():  # the reaper was killed, and the benchmark was told by the kernel
            _await_descendants(_CLEAN_UP_SECONDS)
            _end_descendants(interrupted=True)
            shutil.rmtree(folder, ignore_errors=True)
        return status
    os.close(writer)
    os.setsid()  # Ctrl-C in the terminal reaches only the first process
    adopt_orphans()
    parent = os.getpid()
    if child := os.fork():
        status = _supervise(child, reader)
        _end_descendants(interrupted=status == INTERRUPTED)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(status)
    os.close(reader)
    die_with_parent(parent, signal.SIGTERM)
    for sig in _STOPS:
        signal.signal(sig, signal.default_int_handler)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        return benchmark()
    except KeyboardInterrupt:
        return INTERRUPTED


def _wait_for(reaper: int, writer: int) -> int:
    """Wait for the reaper, return its exit status; a stop signal closes the pipe."""

    def stop(*_: object) -> None:
        with suppress(OSError):  # closed by the signal before
            os.close(writer)

    for sig in _STOPS:
        if signal.getsignal(sig) is not signal.SIG_IGN:  # as of nohup
            signal.signal(sig, stop)
    _, status = os.waitpid(reaper, 0)
    return _exit_status(status)


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    folder.chmod(0o755)  # when started as root, PostgreSQL runs as another user
    return folder


def _supervise(child: int, reader: int) -> int:
    """Wait for the benchmark; interrupt it when the pipe closes. Return its exit status."""
    deadline = None
    while (status := _reap().get(child)) is None:
        if deadline is None and select.select([reader], [], [], _POLL_SECONDS)[0]:
            os.kill(child, signal.SIGINT)
            deadline = time.monotonic() + _CLEAN_UP_SECONDS
        elif deadline is not None:
            time.sleep(_POLL_SECONDS)
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
    return INTERRUPTED if deadline else status


def _end_descendants(*, interrupted: bool) -> None:
    """End every process that the benchmark left; a running one starts no new ones, because all are killed."""
    if left := _descendants():
        if not interrupted:
            print(f"deskjob bench: ended {len(left)} processes that were left", file=sys.stderr, flush=True)
        _send(left, signal.SIGTERM)
        _await_descendants(_GRACE_SECONDS)
    while left := _descendants():
        _send(left, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)


def _await_descendants(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _descendants() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _descendants() -> list[psutil.Process]:
    _reap()
    return list(psutil.Process().children(recursive=True))


def _send(processes: list[psutil.Process], sig: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(sig)


def _reap() -> dict[int, int]:
    """Collect all children that have ended, also adopted ones; return their exit statuses by process id."""
    ended = {}
    with suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            ended[child[0]] = _exit_status(child[1])
    return ended


def _exit_status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
