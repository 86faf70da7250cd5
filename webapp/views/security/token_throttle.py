"""Limits the requests of each API token. Counts are in Redis for all processes; while it is away, each counts alone."""

import time
from math import ceil
from typing import cast

from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from webapp.config import BadSettingError

_SECONDS_FOR_REDIS = 1
_SECONDS_WITHOUT_REDIS = 10  # until Redis is asked again
_PREFIX = "deskjob-api"


class TokenThrottle:
    """Counts requests by token in windows of the limit's period."""

    def __init__(self, limit: str, redis: str) -> None:
        """Open no connection; raise `BadSettingError` for a limit that cannot be read."""
        try:
            self._limit = parse(limit)
        except ValueError:
            message = f"DESKJOB_API_LIMIT cannot be used ({limit!r}): write it like '3000 per minute'."
            raise BadSettingError(message) from None
        address = redis.replace("unix://", "redis+unix://", 1)
        storage = cast(
            Storage,
            storage_from_string(
                address,
                socket_timeout=_SECONDS_FOR_REDIS,
                socket_connect_timeout=_SECONDS_FOR_REDIS,
                retry=cast(bool, Retry(NoBackoff(), 0)),
                wrap_exceptions=True,
            ),
        )
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._asks_redis_from = 0.0

    def seconds_to_wait(self, token_id: str) -> int:
        """Count a request; return 0, or in how many seconds the next one is allowed."""
        if time.monotonic() >= self._asks_redis_from:
            try:
                return self._hit(self._shared, token_id)
            except StorageError:
                self._asks_redis_from = time.monotonic() + _SECONDS_WITHOUT_REDIS
        return self._hit(self._own, token_id)

    def _hit(self, limiter: FixedWindowRateLimiter, token_id: str) -> int:
        if limiter.hit(self._limit, _PREFIX, token_id):
            return 0
        reset_at, _left = limiter.get_window_stats(self._limit, _PREFIX, token_id)
        return max(1, ceil(reset_at - time.time()))
