"""The time limit of an attempt."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from webapp.jobs.model.periods import period_in_units


class JobTimeout(BaseException):
    """Raised when a job exceeds its type's timeout. A `BaseException`, so that no handler swallows it."""

    def __init__(self, limit: timedelta) -> None:
        """Name the limit."""
        super().__init__(f"It ran longer than its limit of {period_in_units(limit)} and was stopped.")


@contextmanager
def time_limit(limit: timedelta) -> Iterator[None]:
    """Raise `JobTimeout` in the block when the time is up, and at its end if the block has swallowed it."""
    expired = False

    def expire(*_: object) -> None:
        nonlocal expired
        expired = True
        raise JobTimeout(limit)

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if expired:
        raise JobTimeout(limit)
