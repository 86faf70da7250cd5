"""Threads beside the main one, which alone may take signals.

Python runs a signal's handler in the main thread, but the kernel may hand the signal to any thread;
then a main thread that waits in a system call sleeps on, and a stop or a time limit comes too late.

A child process that does not outlive its parent.
"""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable


def start_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread that no signal is ever handed to."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # a thread begins with its maker's mask
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread


_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Call first in a child: ask the kernel for ``how`` when ``parent`` ends, also if it has ended already.

    Linux only (prctl(2)); elsewhere the fence alone keeps an orphan from writing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, how)
    if os.getppid() != parent:
        os._exit(os.EX_TEMPFAIL)
