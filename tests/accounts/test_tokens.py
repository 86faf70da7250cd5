from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from webapp.accounts.tokens import MOST_ACTIVE, BadToken, Scope, TokenNotFound, acting_user, scopes_for
from webapp.accounts.user import Role, User
from webapp.schema import api_tokens
from webapp.services import Services


def test_a_token_identifies_its_user_and_itself(services: Services, user: User, admin: User, database: str) -> None:
    mine, text = services.tokens.add(user, "nightly", [Scope.READ], by=admin.id)
    found, token = services.tokens.find(text)
    assert (found, token.id) == (user, mine.id)
    assert text.startswith(mine.prefix)
    assert (mine.name, mine.scopes, mine.created_by) == ("nightly", {Scope.READ}, admin.id)


def test_the_database_does_not_hold_the_token(services: Services, user: User, database: str) -> None:
    _token, text = services.tokens.add(user, "nightly", [Scope.READ])
    with services.engine.connect() as connection:
        row = connection.execute(select(api_tokens)).mappings().one()
    assert text not in str(dict(row))
    assert len(row["token_hash"]) == 32


def test_texts_that_are_no_tokens_find_nobody(services: Services, user: User) -> None:
    _token, text = services.tokens.add(user, "nightly", [Scope.READ])
    for other in ("", "dj_", text[:-1], f"{text}x", text.swapcase(), "dj_" + "\u00e9" * 40, "x" * 10_000):
        assert services.tokens.find(other) is None


def test_a_revoked_an_expired_and_a_disabled_persons_token_are_dead(
    services: Services, person: Callable[..., User], database: str
) -> None:
    ben = person("ben")
    revoked, first = services.tokens.add(ben, "a", [Scope.READ])
    expired, second = services.tokens.add(ben, "b", [Scope.READ], lasts=timedelta(days=1))
    _, third = services.tokens.add(ben, "c", [Scope.READ])
    services.tokens.revoke(revoked.id)
    with services.engine.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(api_tokens).where(api_tokens.c.id == expired.id).values(expires_at=past))
    assert services.tokens.find(first) is None
    assert services.tokens.find(second) is None
    assert services.tokens.find(third) is not None
    services.accounts.disable("ben")
    assert services.tokens.find(third) is None


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(seconds=-1), timedelta.max])
def test_a_token_never_expires_in_the_past_nor_after_the_calendar(
    services: Services, user: User, lasts: timedelta
) -> None:
    with pytest.raises(BadToken):
        services.tokens.add(user, "nightly", [Scope.READ], lasts=lasts)
    assert services.tokens.of(user.id) == ()


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 81, "\x00", "\u202e"])
def test_a_name_that_nobody_can_read_is_refused(services: Services, user: User, name: str) -> None:
    with pytest.raises(BadToken, match="name of 1 to 80"):
        services.tokens.add(user, name, [Scope.READ])


def test_a_name_is_used_once_among_active_tokens(services: Services, user: User) -> None:
    first, _ = services.tokens.add(user, "nightly", [Scope.READ])
    with pytest.raises(BadToken, match="already a token named nightly"):
        services.tokens.add(user, "nightly", [Scope.READ])
    services.tokens.revoke(first.id)
    services.tokens.add(user, "nightly", [Scope.READ])


def test_the_number_of_active_tokens_is_limited(
    services: Services, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.accounts.tokens.MOST_ACTIVE", 2)
    assert MOST_ACTIVE > 2
    for name in ("a", "b"):
        services.tokens.add(user, name, [Scope.READ])
    with pytest.raises(BadToken, match="at most 2 tokens"):
        services.tokens.add(user, "c", [Scope.READ])


def test_a_scope_above_the_role_is_refused(services: Services, user: User, admin: User) -> None:
    assert scopes_for(user) == (Scope.READ, Scope.START)
    assert scopes_for(admin) == tuple(Scope)
    for scopes, match in (([Scope.OPERATE], "does not allow"), ([], "at least one"), (["root"], "Unknown scope")):
        with pytest.raises(BadToken, match=match):
            services.tokens.add(user, "nightly", scopes)


def test_a_token_acts_with_the_weaker_of_its_scopes_and_the_role(user: User, admin: User) -> None:
    assert acting_user(user, [Scope.ADMIN]) == user
    assert acting_user(admin, [Scope.READ]).role is Role.AUDITOR
    assert acting_user(admin, [Scope.READ, Scope.OPERATE]).role is Role.OPERATOR
    assert acting_user(admin, [Scope.ADMIN]) == admin


def test_the_last_use_is_stored_at_most_once_a_minute(services: Services, user: User, database: str) -> None:
    token, text = services.tokens.add(user, "nightly", [Scope.READ])
    assert services.tokens.get(token.id).last_used_at is None
    services.tokens.find(text, address="192.0.2.1")
    used = services.tokens.get(token.id)
    services.tokens.find(text, address="192.0.2.2")
    assert (services.tokens.get(token.id), used.last_address) == (used, "192.0.2.1")
    with services.engine.begin() as connection:
        connection.execute(update(api_tokens).values(last_used_at=datetime.now(UTC) - timedelta(minutes=2)))
    services.tokens.find(text, address="192.0.2.2")
    assert services.tokens.get(token.id).last_address == "192.0.2.2"


def test_a_token_is_found_by_its_name_its_beginning_or_its_id(services: Services, user: User) -> None:
    token, _ = services.tokens.add(user, "nightly", [Scope.READ])
    assert {services.tokens.find_active(each)[0].id for each in ("nightly", token.prefix, str(token.id))} == {token.id}
    services.tokens.revoke(token.id)
    assert services.tokens.find_active("nightly") == ()


def test_an_unknown_token_is_not_found(services: Services, user: User) -> None:
    with pytest.raises(TokenNotFound):
        services.tokens.get(user.id)


def test_the_tokens_of_all_users_are_listed_newest_first(services: Services, user: User, admin: User) -> None:
    tokens = [services.tokens.add(each, "nightly", [Scope.READ])[0] for each in (user, admin)]
    assert services.tokens.all() == tuple(reversed(tokens))
    assert services.tokens.all(limit=1) == (tokens[1],)
