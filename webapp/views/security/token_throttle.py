"""Limits the requests of each API token. Counts are in Redis for all processes; while it is away, each counts alone."""

import time
from dataclasses import dataclass
from math import ceil
from threading import Lock
from typing import Any

from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from webapp.config import BadSettingError
from webapp.jobs.rq_queue.redis_connection import DRIVER

_SECONDS_FOR_REDIS = 1
STORAGE_OPTIONS: dict[str, Any] = {
    "socket_timeout": _SECONDS_FOR_REDIS,
    "socket_connect_timeout": _SECONDS_FOR_REDIS,
    "retry": Retry(NoBackoff(), 0),
    "wrap_exceptions": True,
    "driver_info": DRIVER,
}
_SECONDS_WITHOUT_REDIS = 10  # until Redis is asked again
_PREFIX = "deskjob-api"
_BATCHES = 100  # of the limit
_TELL_SECONDS = 0.5
_MOST_TOKENS = 10_000  # that a process remembers


class TokenThrottle:
    """Counts requests by token in windows of the limit's period.

    A process tells Redis of a token's requests twice a second, or when they are a hundredth of the limit: asking for
    each request would take longer than many answers. So each process can let that many more through.
    """

    def __init__(self, limit: str, redis: str) -> None:
        """Open no connection; raise `BadSettingError` for a limit that cannot be read."""
        try:
            self._limit = parse(limit)
        except ValueError:
            message = f"DESKJOB_API_LIMIT cannot be used ({limit!r}): write it like '3000 per minute'."
            raise BadSettingError(message) from None
        self._shared = FixedWindowRateLimiter(ThrottleStorage(storage_uri(redis), **STORAGE_OPTIONS))
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._asks_redis_from = 0.0
        self._batch = max(1, self._limit.amount // _BATCHES)
        self._uncounted: dict[str, _Uncounted] = {}
        self._lock = Lock()

    def seconds_to_wait(self, token_id: str) -> int:
        """Count a request; return 0, or in how many seconds the next one is allowed."""
        now = time.monotonic()
        with self._lock:
            if len(self._uncounted) > _MOST_TOKENS:
                self._uncounted.clear()
            token = self._uncounted.setdefault(token_id, _Uncounted())
            if now < token.refused_until:
                return max(1, ceil(token.refused_until - now))
            token.requests += 1
            if token.requests < self._batch and now - token.told_at < _TELL_SECONDS:
                return 0
            requests, token.requests, token.told_at = token.requests, 0, now
        wait = self._tell(token_id, requests)
        token.refused_until = now + wait
        return wait

    def _tell(self, token_id: str, requests: int) -> int:
        if time.monotonic() >= self._asks_redis_from:
            try:
                return self._hit(self._shared, token_id, requests)
            except StorageError:
                self._asks_redis_from = time.monotonic() + _SECONDS_WITHOUT_REDIS
        return self._hit(self._own, token_id, requests)

    def _hit(self, limiter: FixedWindowRateLimiter, token_id: str, requests: int) -> int:
        if limiter.hit(self._limit, _PREFIX, token_id, cost=requests):
            return 0
        reset_at, _left = limiter.get_window_stats(self._limit, _PREFIX, token_id)
        return max(1, ceil(reset_at - time.time()))


class ThrottleStorage(RedisStorage):
    """Counts in Redis, for the addresses that `storage_uri` returns.

    The library's own storage also imports the client of Valkey if it is installed: 2 MB that nobody uses.
    """

    STORAGE_SCHEME = ["redis", "rediss", "redis+unix"]  # noqa: RUF012  (the library declares it so)
    DEPENDENCIES = {"redis": RedisStorage.DEPENDENCIES["redis"]}  # noqa: RUF012


def storage_uri(redis: str) -> str:
    """Return the address of Redis as the library writes it."""
    return redis.replace("unix://", "redis+unix://", 1)


@dataclass(slots=True)
class _Uncounted:
    """The requests of a token of which Redis was not told yet, when it was told, and until when it refuses more."""

    requests: int = 0
    told_at: float = float("-inf")
    refused_until: float = 0.0
