from collections.abc import Callable
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from webapp.accounts.accounts import LastAdmin, NameTaken, NoPassword, UserNotFound
from webapp.accounts.user import Role, User
from webapp.accounts.validation import BadAccount
from webapp.schema import sessions, users
from webapp.services import Services

GOOD = "rivers under seven bridges"


def stored_hash(services: Services, name: str) -> str:
    with services.engine.connect() as connection:
        return connection.execute(select(users.c.password_hash).where(users.c.name == name)).scalar_one()


def sessions_of(services: Services, user: User) -> int:
    with services.engine.connect() as connection:
        mine = select(func.count()).select_from(sessions).where(sessions.c.user_id == user.id)
        return connection.execute(mine).scalar_one()


def test_a_new_user_can_authenticate(services: Services, database: str) -> None:
    added = services.accounts.add("Ana", GOOD, role="operator", full_name="Ana Ruiz", email="ana@example.org")
    assert added.role is Role.OPERATOR
    assert (added.name, added.display_name, added.active, added.created_at.tzinfo is None) == (
        "ana",
        "Ana Ruiz",
        True,
        False,
    )
    assert services.accounts.authenticate("ANA", GOOD) == added == services.accounts.get(added.id)


def test_a_fresh_installation_has_no_accounts(services: Services, database: str) -> None:
    assert services.accounts.is_empty()
    services.accounts.add("root", GOOD, role=Role.ADMIN)
    assert not services.accounts.is_empty()


def test_a_taken_name_is_refused(services: Services, user: User, database: str) -> None:
    with pytest.raises(NameTaken, match="named ana already"):
        services.accounts.add("ANA", GOOD)


def test_an_unknown_role_is_refused_with_the_known_ones(services: Services) -> None:
    with pytest.raises(BadAccount, match="user, auditor, operator, admin"):
        services.accounts.add("ana", GOOD, role="god")


def test_a_weak_password_creates_no_account(services: Services) -> None:
    with pytest.raises(BadAccount):
        services.accounts.add("ana", "password1234")
    assert services.accounts.is_empty()


def test_every_failed_authentication_looks_the_same(services: Services, user: User, password: str) -> None:
    assert services.accounts.authenticate(user.name, "not the password") is None
    assert services.accounts.authenticate("nobody", password) is None
    assert services.accounts.authenticate("ana\0", password) is None


def test_users_are_listed_by_name(services: Services, admin: User, user: User, database: str) -> None:
    assert services.accounts.all() == (user, admin)
    assert services.accounts.names([user.id, admin.id, uuid4()]) == {user.id: "Ana Ruiz", admin.id: "root"}
    assert services.accounts.names([]) == {}


def test_an_unknown_user_is_none(services: Services, user: User, database: str) -> None:
    assert services.accounts.by_name("Ana") == user
    assert services.accounts.by_name("nobody") is None
    assert services.accounts.by_name("no body") is None
    assert services.accounts.get(uuid4()) is None


def test_a_disabled_user_loses_the_session_and_cannot_sign_in(
    services: Services, user: User, password: str, database: str
) -> None:
    services.sessions.begin(user.id)
    services.accounts.disable("ana")
    assert services.accounts.authenticate("ana", password) is None
    assert sessions_of(services, user) == 0


def test_an_enabled_user_must_sign_in_again(services: Services, user: User, password: str) -> None:
    services.accounts.disable("ana")
    services.accounts.enable("ana")
    assert services.accounts.authenticate("ana", password) == user


def test_a_new_password_ends_only_the_sessions_of_that_user(
    services: Services, user: User, admin: User, password: str, database: str
) -> None:
    services.sessions.begin(user.id)
    services.sessions.begin(admin.id)
    services.accounts.set_password("Ana", GOOD)
    assert services.accounts.authenticate("ana", GOOD) == user
    assert services.accounts.authenticate("ana", password) is None
    assert (sessions_of(services, user), sessions_of(services, admin)) == (0, 1)


def test_changing_an_unknown_user_raises_user_not_found(services: Services) -> None:
    with pytest.raises(UserNotFound, match="nobody"):
        services.accounts.disable("nobody")


@pytest.mark.usefixtures("real_passwords")
def test_a_hash_with_old_costs_is_renewed_at_the_next_login(services: Services, user: User) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    with services.engine.begin() as connection:
        connection.execute(update(users).values(password_hash=old))
    token = services.sessions.begin(user.id)
    assert services.accounts.authenticate("ana", GOOD) == user
    assert stored_hash(services, "ana").startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert services.sessions.find(token) == user


def test_no_password_is_stored(services: Services, person: Callable[..., User]) -> None:
    services.accounts.add("ana", GOOD)
    assert GOOD not in stored_hash(services, "ana")


def test_a_service_account_has_no_password(services: Services, admin: User) -> None:
    robot = services.accounts.add_service("robot", role="operator", full_name="Robot")
    assert robot.is_service
    for password in ("", "robot", "plain tests are calm tests"):
        assert services.accounts.authenticate("robot", password) is None
    with pytest.raises(NoPassword):
        services.accounts.set_password("robot", "rivers under seven bridges")


def test_a_service_account_is_not_the_admin_that_must_remain(services: Services, admin: User) -> None:
    services.accounts.add_service("robot", role="admin")
    with pytest.raises(LastAdmin):
        services.accounts.disable(admin.name)
