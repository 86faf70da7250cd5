"""Background threads that never receive signals, child processes that die with their parent, and the memory of both.

Python runs signal handlers in the main thread, but the kernel can deliver a signal to any thread. A main
thread that waits in a system call then is not interrupted, and a stop request or timeout comes too late.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_c = ctypes.CDLL(None, use_errno=True)  # loaded here, because a child must not load anything before its exec


def start_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread that never receives a signal."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # inherited by the new thread
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread


def die_with_parent(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel send ``how`` to this process when ``parent`` ends; call this first in a child.

    Exits immediately if the parent has already ended. Linux only (prctl(2)); on other systems only the
    fence keeps an orphan from writing.
    """
    if sys.platform == "linux":
        _c.prctl(_PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        os._exit(os.EX_TEMPFAIL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that daemons of a job can be found and ended.

    Linux only (prctl(2)).
    """
    if sys.platform == "linux":
        _c.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def name_process(name: str) -> None:
    """Set the name that `ps` and `top` show for this process, at most 15 characters. Linux only (prctl(2))."""
    if sys.platform == "linux":
        _c.prctl(_PR_SET_NAME, name.encode())


def release_free_memory() -> None:
    """Give freed memory back to the system, which takes milliseconds. With glibc only (malloc_trim(3)).

    Each thread frees into an area of its own, so a process that does large things in many threads would keep the most
    that each of them has ever needed.
    """
    with suppress(AttributeError):
        _c.malloc_trim(0)
