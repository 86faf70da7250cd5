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
# bytes; small objects are in the way of what is freed, and each size has free pieces of its own
_GAPS = (64_000, 16_000, 4_000, *range(1032, 23, -16))
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


class _HeapFigures(ctypes.Structure):
    """What mallinfo2(3) returns."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "free", "free_at_the_end"),
        )
    )


def fill_memory_gaps() -> None:
    """Take the free memory between the objects of this process, which takes a millisecond; call this before a fork.

    A fork shares each page of its parent until it writes to it. What it allocates would go into these gaps, a few bytes
    on each of hundreds of pages; now it goes to the end, onto few. With glibc only (mallinfo2(3)).
    """
    try:
        read_figures = _c.mallinfo2
    except AttributeError:
        return
    read_figures.restype = _HeapFigures
    _c.malloc.restype = _c.sbrk.restype = ctypes.c_void_p
    _c.malloc.argtypes, _c.free.argtypes = (ctypes.c_size_t,), (ctypes.c_void_p,)
    figures = read_figures()
    end, left = (_c.sbrk(0) or 0) - figures.free_at_the_end, figures.free
    for size in _GAPS:
        address = _c.malloc(size)
        while address and address < end and left > 0:
            left -= size
            address = _c.malloc(size)
        _c.free(address)
