from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.config import BadSettingError, Settings
from webapp.services import Services
from webapp.views.security.token_throttle import TokenThrottle


def test_each_token_has_a_limit_of_its_own(valkey_url: str) -> None:
    first, second = uuid4().hex, uuid4().hex
    processes = [TokenThrottle("2 per hour", valkey_url) for _ in range(2)]
    assert [process.seconds_to_wait(first) for process in processes] == [0, 0]
    assert all(0 < process.seconds_to_wait(first) <= 3600 for process in processes)
    assert processes[0].seconds_to_wait(second) == 0


def test_a_busy_token_asks_redis_now_and_then(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    throttle, told = TokenThrottle("1000 per hour", valkey_url), []
    tell = throttle._tell
    monkeypatch.setattr(throttle, "_tell", lambda token, requests: told.append(requests) or tell(token, requests))
    monkeypatch.setattr("webapp.views.security.token_throttle.time.monotonic", lambda: 1000.0)
    token = uuid4().hex
    waits = [throttle.seconds_to_wait(token) for _ in range(1100)]
    assert sum(told) >= 1000
    assert len(told) <= 110
    assert waits[:1000] == [0] * 1000
    assert waits[-1] > 0


def test_without_redis_each_process_counts_alone() -> None:
    throttle, token = TokenThrottle("2 per hour", "unix:///nowhere/valkey.sock"), uuid4().hex
    assert [throttle.seconds_to_wait(token) > 0 for _ in range(3)] == [False, False, True]


def test_its_connections_do_not_read_the_metadata_of_packages(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redis.utils.get_lib_version", lambda: pytest.fail("was read"))
    processes = [TokenThrottle("1 per hour", valkey_url) for _ in range(2)]
    token = uuid4().hex
    assert [process.seconds_to_wait(token) > 0 for process in processes] == [False, True]


def test_a_limit_that_cannot_be_read_is_one_sentence(valkey_url: str) -> None:
    with pytest.raises(BadSettingError, match=r"DESKJOB_API_LIMIT cannot be used \('often'\)"):
        TokenThrottle("often", valkey_url)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"api_limit": "1 per hour"})


def test_a_program_is_told_how_long_to_wait(
    app: Flask, services: Services, user: User, client_of: Callable[[User], FlaskClient]
) -> None:
    headers = {"Authorization": f"Bearer {services.tokens.add(user, 'nightly', ['read'])[1]}"}
    answers = [app.test_client().get("/api/v1/jobs", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert 0 < int(answers[1].headers["Retry-After"]) <= 3600
    assert client_of(user).get("/jobs").status_code == 200
