"""The people of tests, and the browsers in which they are signed in."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import insert

from webapp.accounts import passwords
from webapp.accounts.user import Role, User
from webapp.db.engine import writing
from webapp.schema import now, users
from webapp.services import Services

PASSWORD = "plain tests are calm tests"
# Hashed at minimal cost: a hash at the real cost takes longer than most tests
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$EeS9GQlab8dgc6b8Txxm4g$B0aWz9iw79bF718+FE6Rdm0LBGWrIdDjuacw9NPcl40"
NOBODYS_HASH = "$argon2id$v=19$m=8,t=1,p=1$BIGTd4KnFgQ+vUyFFzqzkQ$HiSAvR/BSjK1BZz03RLrpwKEvqEnCgiovE2jVFzsaVo"


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords at minimal cost; tests of the real cost use `real_passwords`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        patch.setattr(passwords, "_NOBODYS", NOBODYS_HASH)
        yield


@pytest.fixture
def password() -> str:
    """Return the password of every user of the tests."""
    return PASSWORD


@pytest.fixture
def person(services: Services) -> Callable[..., User]:
    """Add a user: `person("ana", role="auditor", full_name="Ana Ruiz")`."""

    def add(name: str, *, role: str = Role.USER, **details: Any) -> User:
        row = {"id": uuid4(), "name": name, "role": role, "password_hash": PASSWORD_HASH, **details}
        with writing(services.engine) as connection:
            connection.execute(insert(users).values(**row, created_at=now()))
        return services.accounts.get(row["id"])

    return add


@pytest.fixture
def user(person: Callable[..., User]) -> User:
    return person("ana", full_name="Ana Ruiz", email="ana@example.org")


@pytest.fixture
def admin(person: Callable[..., User]) -> User:
    return person("root", role=Role.ADMIN)


@pytest.fixture
def client_of(app: Flask, services: Services) -> Callable[[User], FlaskClient]:
    """Return a client in which a user is signed in and which sends the CSRF token."""

    def signed_in(user: User) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session.update(_user_id=services.sessions.begin(user.id), csrf_token="t" * 40)
        token = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("t" * 40)
        client.environ_base["HTTP_X_CSRFTOKEN"] = str(token)
        return client

    return signed_in
