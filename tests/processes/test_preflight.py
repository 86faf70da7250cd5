"""What a process checks before it starts."""

from collections.abc import Iterator

import pytest
from redis import Redis

from webapp.config import Unready
from webapp.processes.preflight import check_redis_access
from webapp.services import Services

GUEST = "guest"  # who may sign in to Redis and do nothing else


@pytest.fixture
def guest(valkey_url: str) -> Iterator[str]:
    with Redis.from_url(valkey_url) as redis:
        redis.acl_setuser(GUEST, enabled=True, passwords=["+sesame"], categories=["-@all"])
        yield valkey_url
        redis.acl_deluser(GUEST)


@pytest.mark.parametrize(
    ("password", "reason"), [("sesame", "has no permissions to run the 'ping' command"), ("wrong", "invalid username")]
)
def test_a_redis_that_refuses_is_named_with_its_reason(
    services: Services, guest: str, password: str, reason: str
) -> None:
    with pytest.raises(Unready, match=f"DESKJOB_REDIS_URL cannot be used: .*{reason}.*Correct its user and password"):
        check_redis_access(_with_redis(services, guest.replace("unix://", f"unix://{GUEST}:{password}@")))


def test_a_redis_that_is_away_is_waited_for(services: Services) -> None:
    check_redis_access(_with_redis(services, "unix:///nowhere.sock"))


def _with_redis(services: Services, url: str) -> Services:
    return Services(services.settings.model_copy(update={"redis_url": url}), services.engine)
