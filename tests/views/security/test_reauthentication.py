from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from redis import Redis

from webapp.accounts.user import User
from webapp.config import Settings


@pytest.fixture
def settings(settings: Settings, valkey_url: str) -> Iterator[Settings]:
    Redis.from_url(valkey_url).flushdb()
    yield settings.model_copy(update={"login_limit": "2 per minute", "address_limit": "20 per minute"})
    Redis.from_url(valkey_url).flushdb()


def test_password_confirmations_are_limited_like_sign_ins(
    admin: User, user: User, client_of: Callable[[User], FlaskClient], password: str
) -> None:
    boss, address = client_of(admin), f"/admin/users/{user.id}/password"
    for _ in range(3):
        assert boss.post(address, data={"own_password": password}).status_code == 303, "the right one is given back"
    answers = [boss.post(address, data={"own_password": "not mine at all"}).status_code for _ in range(3)]
    assert answers == [422, 422, 429]
    assert boss.get(address).status_code == 200
