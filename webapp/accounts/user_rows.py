"""Users as rows of the database."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, exists

from webapp.accounts.user import Role, User
from webapp.schema import second_factors, users

_COMPUTED: dict[str, ColumnElement[Any]] = {
    "has_password": (users.c.password_hash != "").label("has_password"),
    "has_second_factor": exists()
    .where(second_factors.c.user_id == users.c.id)
    .correlate(users)
    .label("has_second_factor"),
}
_FIELDS = tuple(field.name for field in fields(User))
COLUMNS: tuple[ColumnElement[Any], ...] = tuple(
    _COMPUTED[name] if name in _COMPUTED else users.c[name] for name in _FIELDS
)


def to_user(row: RowMapping | Mapping[str, Any]) -> User:
    """Create the user from a row that has at least `COLUMNS`."""
    values = {name: row[name] for name in _FIELDS}
    return User(**values | {"role": Role(row["role"])})
