"""Requests that wait: at most a quarter of the threads of a process, so that the pages always have the others."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TypeVar

from flask import current_app
from werkzeug.exceptions import ServiceUnavailable

from webapp.db.engine import release_shared_reads

LONGEST = 60  # seconds
THREADS = "WEB_THREADS"  # where the web server says how many threads a process has
_USUAL_THREADS = 8
_SHARE = 4
_RETRY_AFTER = 5  # seconds
_LOOK_SECONDS = 0.25
_SLOTS = "deskjob.long_poll_slots"
T = TypeVar("T")


def wait_for(look: Callable[[], T | None], seconds: float, *, every: float = _LOOK_SECONDS) -> T | None:
    """Look until there is something or the time is over; raise 503 if too many requests wait already."""
    if (found := look()) is not None or seconds <= 0:
        return found
    until = time.monotonic() + min(seconds, LONGEST)
    with _slot():
        while found is None and (left := until - time.monotonic()) > 0:
            release_shared_reads()
            time.sleep(min(every, left))
            found = look()
    return found


@contextmanager
def _slot() -> Iterator[None]:
    slots = current_app.extensions.setdefault(_SLOTS, BoundedSemaphore(_count()))
    if not slots.acquire(blocking=False):
        raise ServiceUnavailable("Too many requests wait for changes. Try again later.", retry_after=_RETRY_AFTER)
    try:
        yield
    finally:
        slots.release()


def _count() -> int:
    return max(1, int(current_app.config.get(THREADS, _USUAL_THREADS)) // _SHARE)
