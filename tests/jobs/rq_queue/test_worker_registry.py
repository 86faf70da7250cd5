from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq.worker_registration import REDIS_WORKER_KEYS

from webapp.jobs.rq_queue.worker_registry import RegisteredWorker, registered_workers


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    redis = Redis.from_url(f"{valkey_url}?db=0")
    redis.flushdb()
    yield redis
    redis.flushdb()
    redis.close()


def register(redis: Redis, name: str, **facts: object) -> None:
    redis.sadd(REDIS_WORKER_KEYS, f"rq:worker:{name}")
    if facts:
        redis.hset(f"rq:worker:{name}", mapping=facts)


def test_a_registered_worker_is_read_from_redis(redis: Redis) -> None:
    heard = datetime.now(UTC) - timedelta(minutes=30)
    register(redis, "w", hostname="h", pid=17, queues="a,b", state="idle", last_heartbeat=heard.isoformat())
    (worker,) = registered_workers(redis)
    assert (worker.name, worker.host, worker.pid, worker.queues) == ("w", "h", 17, ("a", "b"))
    assert worker.state == "idle"
    assert timedelta(minutes=29) < worker.silent_for < timedelta(minutes=50)


def test_a_worker_that_signed_off_or_expired_is_not_returned(redis: Redis) -> None:
    register(redis, "gone", hostname="h", death="2026-01-01T00:00:00Z")
    register(redis, "forgotten")
    assert registered_workers(redis) == ()


def test_invalid_data_in_redis_is_tolerated(redis: Redis) -> None:
    register(redis, "w", hostname=b"\xff", pid="; rm", queues=",,", state="", last_heartbeat="yesterday")
    strange = RegisteredWorker(
        name="w", host="\N{REPLACEMENT CHARACTER}", pid=None, queues=(), state="", silent_for=None
    )
    assert registered_workers(redis) == (strange,)
