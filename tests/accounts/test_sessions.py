from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from webapp.accounts.user import User
from webapp.schema import sessions
from webapp.services import Services


def let_pass(services: Services, span: timedelta, *, unused: bool = True) -> None:
    """Make every session older, and unused for as long."""
    then = datetime.now(UTC) - span
    with services.engine.begin() as connection:
        connection.execute(update(sessions).values(created_at=then, **{"seen_at": then} if unused else {}))


def last_seen(services: Services) -> datetime:
    with services.engine.connect() as connection:
        return connection.execute(select(sessions.c.seen_at)).scalar_one()


def test_a_token_identifies_its_user(services: Services, user: User, admin: User, database: str) -> None:
    mine, theirs = services.sessions.begin(user.id), services.sessions.begin(admin.id)
    assert services.sessions.find(mine) == user
    assert services.sessions.find(theirs) == admin


def test_the_database_does_not_hold_the_token(services: Services, user: User, database: str) -> None:
    token = services.sessions.begin(user.id, address="::1", user_agent="Browser/1.0")
    with services.engine.connect() as connection:
        row = connection.execute(select(sessions)).mappings().one()
    assert len(row["token_hash"]) == 32
    assert token.encode() not in row["token_hash"]
    assert (row["address"], row["user_agent"]) == ("::1", "Browser/1.0")


def test_a_token_has_256_random_bits(services: Services, user: User) -> None:
    tokens = {services.sessions.begin(user.id) for _ in range(20)}
    assert {len(token) for token in tokens} == {43}
    assert len(tokens) == 20


@pytest.mark.parametrize("token", ["", "x" * 43, "é", "\0"])
def test_an_unknown_token_identifies_no_user(services: Services, user: User, token: str) -> None:
    services.sessions.begin(user.id)
    assert services.sessions.find(token) is None


def test_an_ended_session_gives_no_access(services: Services, user: User, database: str) -> None:
    token = services.sessions.begin(user.id)
    services.sessions.end(token)
    services.sessions.end(token)
    assert services.sessions.find(token) is None


def test_an_unused_session_ends_after_the_idle_time(services: Services, user: User, database: str) -> None:
    token = services.sessions.begin(user.id)
    let_pass(services, timedelta(minutes=29))
    assert services.sessions.find(token) == user
    let_pass(services, timedelta(minutes=31))
    assert services.sessions.find(token) is None


def test_a_used_session_ends_at_its_maximum_age(services: Services, user: User, database: str) -> None:
    token = services.sessions.begin(user.id)
    let_pass(services, timedelta(hours=11, minutes=59), unused=False)
    assert services.sessions.find(token) == user
    let_pass(services, timedelta(hours=12, seconds=1), unused=False)
    assert services.sessions.find(token) is None


def test_use_is_stored_at_most_once_a_minute(services: Services, user: User, database: str) -> None:
    token = services.sessions.begin(user.id)
    let_pass(services, timedelta(0))
    before = last_seen(services)
    services.sessions.find(token)
    assert last_seen(services) == before
    let_pass(services, timedelta(minutes=20))
    services.sessions.find(token)
    assert datetime.now(UTC) - last_seen(services) < timedelta(minutes=10)


def test_an_automatic_refresh_does_not_extend_a_session(services: Services, user: User) -> None:
    token = services.sessions.begin(user.id)
    let_pass(services, timedelta(minutes=20))
    before = last_seen(services)
    assert services.sessions.find(token, seen=False) == user
    assert last_seen(services) == before


def test_a_request_in_flight_does_not_revive_an_ended_session(services: Services, user: User) -> None:
    token = services.sessions.begin(user.id)
    services.sessions.end(token)
    services.sessions._touch(token)
    assert services.sessions.find(token) is None


def test_a_disabled_user_has_no_session_even_if_a_row_exists(services: Services, user: User, database: str) -> None:
    services.accounts.disable("ana")
    assert services.sessions.find(services.sessions.begin(user.id)) is None


def test_a_sweep_deletes_only_expired_sessions(services: Services, user: User, database: str) -> None:
    for _ in range(2):
        services.sessions.begin(user.id)
    let_pass(services, timedelta(minutes=31))
    fresh = services.sessions.begin(user.id)
    assert services.sessions.sweep() == 2
    assert services.sessions.sweep() == 0
    assert services.sessions.find(fresh) == user


def test_a_user_sees_their_active_sessions(services: Services, user: User, admin: User, database: str) -> None:
    services.sessions.begin(user.id, address="192.0.2.1")
    let_pass(services, services.sessions.idle)
    services.sessions.begin(admin.id)
    phone, here = (services.sessions.begin(user.id, address=address) for address in ("192.0.2.7", "::1"))
    assert [(one.address, one.current) for one in services.sessions.of(user.id, here)] == [
        ("::1", True),
        ("192.0.2.7", False),
    ]
    assert services.sessions.of(user.id, phone)[0].address == "192.0.2.7"


def test_a_user_ends_one_of_their_sessions(services: Services, user: User, admin: User, database: str) -> None:
    here, phone, foreign = (services.sessions.begin(one.id) for one in (user, user, admin))
    [_, other] = services.sessions.of(user.id, here)
    [theirs] = services.sessions.of(admin.id, foreign)
    assert not services.sessions.end_one(user.id, theirs.id)
    assert services.sessions.end_one(user.id, other.id)
    assert not services.sessions.end_one(user.id, other.id)
    assert [services.sessions.find(token) for token in (here, phone, foreign)] == [user, None, admin]


def test_a_user_ends_all_other_sessions(services: Services, user: User, admin: User, database: str) -> None:
    here, *others, foreign = (services.sessions.begin(one.id) for one in (user, user, user, admin))
    assert services.sessions.end_others(user.id, here) == len(others)
    assert [services.sessions.find(token) for token in (here, *others, foreign)] == [user, None, None, admin]
