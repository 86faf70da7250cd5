"""The peak memory use of one attempt, in a process that runs many."""

import os
from contextlib import suppress
from resource import RUSAGE_SELF, getrusage

_CLEAR_REFS = "/proc/self/clear_refs"
_RESET_PEAK = b"5"  # see proc(5)
_KIBIBYTE = 1024


class PeakMemory:
    """Measures the peak since the last `reset`.

    Where the kernel cannot reset it, it is an upper bound for an attempt: the peak of its process.
    """

    def __init__(self) -> None:
        self._at_reset = 0

    def reset(self) -> None:
        """Start from what the process uses now. Costs almost nothing if the peak has not risen since the last time."""
        if peak_memory() != self._at_reset:
            with suppress(OSError):
                _reset()
            self._at_reset = peak_memory()


def peak_memory() -> int:
    """Return the peak memory use of this process in bytes, since it was reset."""
    return getrusage(RUSAGE_SELF).ru_maxrss * _KIBIBYTE


def _reset() -> None:
    descriptor = os.open(_CLEAR_REFS, os.O_WRONLY)
    try:
        os.write(descriptor, _RESET_PEAK)
    finally:
        os.close(descriptor)
