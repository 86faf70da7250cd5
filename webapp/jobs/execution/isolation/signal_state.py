"""The signal handlers and the signal mask of a process."""

import _signal  # type: ignore[import-not-found]  # whose functions take a fifth of the time: they build no enums
import os
import signal
from contextlib import suppress
from typing import Any
from weakref import finalize

_STAT = "/proc/self/stat"
_IGNORED, _CAUGHT = 30, 31  # the fields of `_STAT` after the name of the process, see proc(5)
_TIMERS = frozenset({signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF})  # always of the job that ended
_REQUESTS = frozenset({signal.SIGINT, signal.SIGTERM})  # to end, never discarded


class SignalState:
    """What happens at each signal, and which ones are blocked."""

    name = "signals"

    def __init__(self) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._handlers: dict[int, Any] = {int(number): signal.getsignal(number) for number in signal.valid_signals()}
        self._callables = [(number, handler) for number, handler in self._handlers.items() if callable(handler)]
        self._callables = [pair for pair in self._callables if not isinstance(pair[1], signal.Handlers)]
        self._stat: int | None = None
        if os.path.exists(_STAT):  # noqa: PTH110
            self._stat = os.open(_STAT, os.O_RDONLY)
            finalize(self, os.close, self._stat)
        self._masks = self._read_masks()

    def is_changed(self) -> bool:
        """Compare the mask, the kernel's lists of ignored and caught signals, and the known handlers."""
        if _signal.pthread_sigmask(signal.SIG_BLOCK, ()) != self._mask or self._read_masks() != self._masks:
            return True
        return any(_signal.getsignal(number) is not handler for number, handler in self._callables)

    def put_back(self) -> None:
        """Discard the signals that a job has blocked, then set the handlers and the mask."""
        for number in signal.sigpending():
            known = number in _REQUESTS or (number, self._handlers.get(number)) in self._callables
            if number in _TIMERS or not known:
                with suppress(OSError, ValueError):
                    signal.signal(number, signal.SIG_IGN)  # discards a pending signal
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:  # None: not set by Python
                with suppress(OSError, ValueError):
                    signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _read_masks(self) -> list[Any]:
        """Read which signals are ignored and caught, if possible without one call for each."""
        if self._stat is None:
            return [signal.getsignal(number) for number in signal.valid_signals()]
        try:
            fields = os.pread(self._stat, 1024, 0).rpartition(b") ")[2].split()
        except OSError:
            return []  # a job has closed it: they count as changed
        return fields[_IGNORED : _CAUGHT + 1]
