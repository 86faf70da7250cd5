"""User and Role, as plain values. Pure.

Rows of people, and the users they stand for. A password's hash never becomes part of a user.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from webapp.schema import users


class Role(StrEnum):
    """What a person may do; each role may do what the ones before it may, the auditor only looks."""

    USER = "user"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def sees_all(self) -> bool:
        """Whether other people's jobs are shown too."""
        return self is not Role.USER


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person with an account. ``theme`` is system, light or dark; ``timezone`` empty = the installation's.

    ``language`` empty = what the browser asks for; ``notify`` is of which ended jobs they want a notice.
    ``imported_by`` is the id of the import that made the account, if one did.
    """

    id: UUID
    name: str
    role: Role
    created_at: datetime
    full_name: str = ""
    email: str | None = None
    active: bool = True
    tenant: str | None = None
    theme: str = "system"
    timezone: str = ""
    language: str = ""
    live_updates: bool = True
    notify: str = "always"
    imported_by: UUID | None = None
    password_is_temporary: bool = False

    @property
    def display_name(self) -> str:
        """What other people read."""
        return self.full_name or self.name


_FIELDS = tuple(field.name for field in fields(User))
COLUMNS = tuple(users.c[name] for name in _FIELDS)


def to_user(row: RowMapping | Mapping[str, Any]) -> User:
    """Make the user of a row that has at least `COLUMNS`."""
    values = {name: row[name] for name in _FIELDS}
    return User(**values | {"role": Role(row["role"])})
