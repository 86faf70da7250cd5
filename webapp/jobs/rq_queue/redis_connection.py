"""Connections to Redis, without RQ, which a command that only reads does not need."""

from redis import DriverInfo, Redis
from redis import __version__ as redis_version
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

PUSH_TIMEOUT = 2.0  # seconds, because a user waits for the response
# what a connection tells Redis of its library; the library itself would read the metadata of all packages each time
DRIVER = DriverInfo(lib_version=redis_version)


def connect(url: str, timeout: float = 5.0) -> Redis:
    """Return a client that detects a dead Redis in a second or two; ``timeout`` is for responses, in seconds."""
    retry_once = Retry(ConstantBackoff(0.2), 1, supported_errors=(RedisConnectionError,))
    return Redis.from_url(
        url,
        socket_connect_timeout=1,
        socket_timeout=timeout,
        retry=retry_once,
        health_check_interval=30,
        driver_info=DRIVER,
    )
