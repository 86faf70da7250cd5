"""Users as rows of the database."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, exists, func, select

from webapp.accounts.user import Role, User
from webapp.schema import group_members, group_types, in_lines, second_factors, user_groups, users

_MINE = group_members.c.user_id == users.c.id


def _joined(name: ColumnElement[str], rows: Select[Any], label: str) -> ColumnElement[str | None]:
    """Return the names in the rows as one text, so that one statement loads a user."""
    return rows.with_only_columns(in_lines(name)).correlate(users).label(label)


_GROUPS = select(user_groups.c.name).join_from(user_groups, group_members).where(_MINE)
# Each type once, with the memberships of the user; a condition for each type and group took 15 times as long
_OTHER_TYPES = (
    select(group_types.c.type_name)
    .outerjoin_from(group_types, group_members, (group_members.c.group_id == group_types.c.group_id) & _MINE)
    .group_by(group_types.c.type_name)
    .having(func.count(group_members.c.user_id) == 0)
    .correlate(users)
    .subquery("other_types")
)
_LISTS: dict[str, ColumnElement[Any]] = {
    "groups": _joined(user_groups.c.name, _GROUPS, "groups"),
    "types_of_other_groups": _joined(_OTHER_TYPES.c.type_name, select(_OTHER_TYPES), "types_of_other_groups"),
}
_COMPUTED: dict[str, ColumnElement[Any]] = {
    "has_password": (users.c.password_hash != "").label("has_password"),
    "has_second_factor": exists()
    .where(second_factors.c.user_id == users.c.id)
    .correlate(users)
    .label("has_second_factor"),
    **_LISTS,
}
_FIELDS = tuple(field.name for field in fields(User))
COLUMNS: tuple[ColumnElement[Any], ...] = tuple(
    _COMPUTED[name] if name in _COMPUTED else users.c[name] for name in _FIELDS
)


def to_user(row: RowMapping | Mapping[str, Any]) -> User:
    """Create the user from a row that has at least `COLUMNS`."""
    values = {name: row[name] for name in _FIELDS}
    lists = {name: tuple(sorted(set((row[name] or "").splitlines()))) for name in _LISTS}
    return User(**values | lists | {"role": Role(row["role"])})
