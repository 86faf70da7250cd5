"""The child processes of this process: whether there are any, and how they are ended."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import psutil

# In the environment of processes that were launched to outlive this one and those that it forks
OUTLIVES = ("DESKJOB_LAUNCHED_BY", secrets.token_hex(8))
_MARK = "=".join(OUTLIVES).encode()
_TASKS = Path("/proc/self/task")
_GENERATIONS = 50  # of processes that start others while they are killed
_PATIENCE_SECONDS = 1.0


def has_children() -> bool:
    """Return whether there is a child process; takes a microsecond."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def children() -> frozenset[int]:
    """Return the ids of the child processes, including ended ones that were not waited for.

    Those that outlive this process are none of its own.
    """
    try:
        lists = [(task / "children").read_text().split() for task in _TASKS.iterdir()]
        return frozenset(int(pid) for pids in lists for pid in pids if not _outlives(pid))
    except OSError:
        return frozenset(child.pid for child in psutil.Process().children())


def end_children(keep: Collection[int] = ()) -> bool:
    """End all child processes except ``keep``; return whether there were any.

    They are asked to end, and killed after a moment. Processes that they have started become children of this one,
    if it has called `adopt_orphans`, and are ended too.
    """
    if not has_children():
        return False
    found, how = False, signal.SIGTERM
    for _ in range(_GENERATIONS):
        pids = children().difference(keep)
        if not pids:
            break
        found = True
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, how)
        comes_true(lambda pids=pids: all(map(_has_ended, pids)))  # type: ignore[misc]
        how = signal.SIGKILL
    return found


def comes_true(fact: Callable[[], bool]) -> bool:
    """Wait briefly for a condition; return whether it became true."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def _outlives(pid: str) -> bool:
    with suppress(OSError):
        return _MARK in Path("/proc", pid, "environ").read_bytes().split(b"\0")
    return False


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
