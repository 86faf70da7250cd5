import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from webapp.accounts import passwords
from webapp.accounts.user import User
from webapp.app import create_app
from webapp.config import BadSettingError, Settings, load


@pytest.fixture
def settings(settings: Settings, valkey_url: str) -> Iterator[Settings]:
    Redis.from_url(valkey_url).flushdb()
    yield settings.model_copy(update={"login_limit": "2 per minute; 20 per hour", "address_limit": "4 per minute"})
    Redis.from_url(valkey_url).flushdb()


def attempt(
    client: FlaskClient, name: str, password: str = "a wrong password", address: str = "127.0.0.1"
) -> TestResponse:
    page = client.get("/login")
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    form = {"name": name, "password": password, "csrf_token": found[1] if found else ""}
    return client.post("/login", data=form, environ_overrides={"REMOTE_ADDR": address})


def statuses(app: Flask, *attempts: tuple[str, ...]) -> list[int]:
    return [attempt(app.test_client(), *one).status_code for one in attempts]


def test_after_too_many_failures_the_right_password_has_to_wait_too(app: Flask, user: User, password: str) -> None:
    assert statuses(app, ("ana",), ("Ana ",), ("ana", password)) == [422, 422, 429]


def test_its_connections_do_not_read_the_metadata_of_packages(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redis.utils.get_lib_version", lambda: pytest.fail("was read"))
    assert statuses(create_app(settings), ("ana",), ("ana",), ("ana",)) == [422, 422, 429]


def test_the_refusal_says_how_long_to_wait(app: Flask, user: User) -> None:
    statuses(app, ("ana",), ("ana",))
    response = attempt(app.test_client(), "ana")
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert re.search(r"[Tt]oo many attempts\. Try again in \d+ seconds?\.", response.text)
    assert 'value="ana"' in response.text


def test_a_refused_attempt_is_not_hashed(
    app: Flask, user: User, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses(app, ("ana",), ("ana",))
    monkeypatch.setattr(passwords, "verify_password", lambda *_: pytest.fail("was hashed"))
    assert statuses(app, ("ana", password)) == [429]


def test_others_can_sign_in_meanwhile(app: Flask, user: User, admin: User, password: str) -> None:
    statuses(app, ("ana",), ("ana",))
    assert statuses(app, ("root", password)) == [303]


def test_unknown_names_are_counted_alike(app: Flask) -> None:
    assert statuses(app, ("nobody",), ("nobody",), ("nobody",)) == [422, 422, 429]


def test_one_address_cannot_try_many_names(app: Flask) -> None:
    assert statuses(app, *((f"name{i}",) for i in range(5))) == [422] * 4 + [429]


def test_addresses_of_one_ipv6_network_count_together(app: Flask) -> None:
    attempts = [(f"name{i}", "x" * 12, f"2001:db8::{i}") for i in range(5)]
    assert statuses(app, *attempts) == [422] * 4 + [429]
    assert statuses(app, ("other", "x" * 12, "2001:db8:0:1::1"), ("another", "x" * 12, "")) == [422, 422]


def test_signing_in_often_locks_nobody_out(app: Flask, user: User, password: str) -> None:
    assert statuses(app, *[("ana", password)] * 6) == [303] * 6


def test_a_good_login_does_not_wipe_out_the_failures_before_it(
    app: Flask, user: User, admin: User, password: str
) -> None:
    tries = [("name1",), ("root", password), ("name2",), ("root", password), ("name3",), ("name4",), ("root", password)]
    assert statuses(app, *tries) == [422, 303, 422, 303, 422, 422, 429]


def test_guesses_in_parallel_are_counted_one_by_one(app: Flask, user: User) -> None:
    clients = [app.test_client() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda client: attempt(client, "ana").status_code, clients))
    assert answers.count(422) <= 2
    assert set(answers) == {422, 429}


def test_two_processes_count_together(app: Flask, settings: Settings, user: User) -> None:
    other = create_app(settings)
    assert [*statuses(app, ("ana",)), *statuses(other, ("ana",)), *statuses(app, ("ana",))] == [422, 422, 429]
    other.extensions["deskjob"].engine.dispose()


def test_redis_learns_no_names(app: Flask, user: User, valkey_url: str) -> None:
    attempt(app.test_client(), "ana")
    keys = [key.decode() for key in Redis.from_url(valkey_url).keys("*login-account*")]
    assert len(keys) == 2
    assert not [key for key in keys if "ana" in key]


@pytest.mark.parametrize("redis_url", ["unix:///nowhere/at/all.sock", "redis://127.0.0.1:1/0"])
def test_while_redis_is_away_each_process_counts_for_itself(
    settings: Settings, user: User, password: str, redis_url: str
) -> None:
    app = create_app(settings.model_copy(update={"redis_url": redis_url}))
    begun = perf_counter()
    assert statuses(app, ("ana", password), ("ana",), ("ana",), ("ana", password)) == [303, 422, 422, 429]
    assert perf_counter() - begun < 30
    app.extensions["deskjob"].engine.dispose()


@pytest.mark.parametrize("name", ["login_limit", "address_limit"])
def test_a_limit_that_cannot_be_read_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSettingError, match=f"DESKJOB_{name.upper()} cannot be used"):
        create_app(load(data_dir=tmp_path, **{name: "sometimes"}))


def test_looking_at_the_login_page_counts_nothing(app: Flask, client_of: Callable[[User], FlaskClient]) -> None:
    assert {app.test_client().get("/login").status_code for _ in range(10)} == {200}


def test_strangers_never_lock_a_signed_in_user_out(
    app: Flask, user: User, password: str, client_of: Callable[[User], FlaskClient]
) -> None:
    client = client_of(user)
    assert statuses(app, ("ana",), ("ana",), ("ana",), *((f"name{i}",) for i in range(6)))[-1] == 429
    new = "rivers under seven bridges"
    answer = client.post("/me/password", data={"old": password, "new": new, "again": new})
    assert answer.status_code == 303


def test_guesses_of_a_signed_in_user_are_counted(
    app: Flask, user: User, client_of: Callable[[User], FlaskClient]
) -> None:
    client = client_of(user)
    data = {"old": "a wrong password", "new": "x" * 20, "again": "x" * 20}
    assert [client.post("/me/password", data=data).status_code for _ in range(3)] == [422, 422, 429]
