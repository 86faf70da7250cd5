"""The time limit of an attempt."""

import _signal  # type: ignore[import-not-found]  # builds no enums, and every job has a time limit
import signal
from datetime import timedelta
from typing import Any, Self

from webapp.jobs.model.periods import period_in_units

_ALARM, _TIMER = int(signal.SIGALRM), signal.ITIMER_REAL


class JobTimeout(BaseException):
    """Raised when a job exceeds its type's timeout. A `BaseException`, so that no handler swallows it."""

    def __init__(self, limit: timedelta) -> None:
        """Name the limit."""
        super().__init__(f"It ran longer than its limit of {period_in_units(limit)} and was stopped.")


class time_limit:  # noqa: N801  (used like a function)
    """Raise `JobTimeout` in the block when the time is up, and at its end if the block has swallowed it."""

    __slots__ = ("_expired", "_limit", "_previous")

    def __init__(self, limit: timedelta) -> None:
        self._limit = limit
        self._expired = False

    def __enter__(self) -> Self:
        """Start the alarm."""
        self._previous: Any = _signal.signal(_ALARM, self._expire)
        _signal.setitimer(_TIMER, self._limit.total_seconds())
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the alarm."""
        _signal.setitimer(_TIMER, 0)
        _signal.signal(_ALARM, self._previous)
        if self._expired and kind is None:
            raise JobTimeout(self._limit)

    def _expire(self, *_: object) -> None:
        self._expired = True
        raise JobTimeout(self._limit)
