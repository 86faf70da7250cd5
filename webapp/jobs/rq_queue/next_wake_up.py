"""The next wake-up of a work-horse that has run its jobs: it waits in Redis itself, until a signal ends that."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from redis import RedisError

from webapp.jobs.rq_queue.redis_connection import connect
from webapp.jobs.rq_queue.wake_ups import key_of, queue_of

_ANSWER_SECONDS = 5.0  # that Redis can take longer than asked


class _Ended(BaseException):
    """Raised by a signal handler to leave a system call, which Python would continue otherwise."""


class NextWakeUp:
    """Waits for a wake-up of any of some queues, in their order; for the main thread of a work-horse."""

    def __init__(self, url: str, queues: Iterable[str], most_seconds: float) -> None:
        """Open no connection yet; ``most_seconds`` is the longest wait."""
        self._redis = connect(url, most_seconds + _ANSWER_SECONDS)
        self._keys = [key_of(queue) for queue in queues]
        self._waits = False

    def wait(self, seconds: float, must_stop: Callable[[], bool]) -> str | None:
        """Return the queue of the next wake-up, or ``None`` if there is none, Redis is away, or `end` was called.

        What ``must_stop`` reads must be set before `end` is called.
        """
        with suppress(_Ended, RedisError):
            try:
                self._waits = True
                taken = None if must_stop() else self._redis.blpop(self._keys, seconds)
                return queue_of(taken[0]) if taken else None
            finally:
                self._waits = False
        return None

    def end(self) -> None:
        """End the wait, from a signal handler. A wake-up that was just taken is lost: look for jobs afterwards."""
        if self._waits:
            raise _Ended
