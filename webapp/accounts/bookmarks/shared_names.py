"""What users save under a name, for themselves or shared with their tenant: how it is named, and who sees it."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_

from webapp.accounts.user import User
from webapp.accounts.validation import BadAccount
from webapp.schema import users
from webapp.visible_text import unreadable_character, without_invisible

NAME_LIMIT = 60


class BadName(BadAccount):
    """Raised for a name that cannot be used; the message is a sentence for users."""


def valid_name(name: str, noun: str) -> str:
    """Return a name as it is stored; ``noun`` is what it names, such as "filter". Raises `BadName`."""
    clean = " ".join(without_invisible(name).split())
    if not 1 <= len(clean) <= NAME_LIMIT:
        message = f"A {noun} needs a name of 1 to {NAME_LIMIT} characters on one line."
        raise BadName(message)
    if sign := unreadable_character(clean):
        message = f"A name cannot contain the character {sign}."
        raise BadName(message)
    return clean


def shared_with(table: FromClause, user: User) -> ColumnElement[bool]:
    """Return the condition for rows that are shared with a user; the query joins the rows of their owners.

    What was shared with a tenant stays there when its owner moves to another, and is shared no more.
    """
    same_tenant = (_is_of(column, user.tenant) for column in (table.c.tenant, users.c.tenant))
    return and_(table.c.shared, *same_tenant)


def _is_of(column: ColumnElement[Any], tenant: str | None) -> ColumnElement[bool]:
    return column.is_(None) if tenant is None else column == tenant
