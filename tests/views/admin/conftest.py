"""People of each role with a browser, and what the audit has noted."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.config import Settings
from webapp.database import reading
from webapp.schema import audit
from webapp.services import Services


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let the tests of a process, which share the counts, send as many passwords as they like."""
    return settings.model_copy(update={"login_limit": "10000 per minute", "address_limit": "10000 per minute"})


@pytest.fixture
def operator(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(person("olga", role="operator", full_name="Olga Op"))


@pytest.fixture
def auditor(person: Callable[..., User], client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(person("audi", role="auditor"))


@pytest.fixture
def boss(admin: User, client_of: Callable[[User], FlaskClient]) -> FlaskClient:
    return client_of(admin)


@pytest.fixture
def noted(services: Services) -> Callable[[], list[dict[str, Any]]]:
    """Return what the audit holds, oldest first."""

    def noted() -> list[dict[str, Any]]:
        with reading(services.engine) as connection:
            return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.id)).mappings()]

    return noted
