"""Saved filters: the arguments of a list of jobs under a name, private or shared with all users of a tenant.

A filter holds the arguments of a search, not its results: users who open it see the jobs that they can see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.accounts.bookmarks.shared_names import BadName, shared_with, valid_name
from webapp.accounts.permissions import Right, may
from webapp.accounts.user import User
from webapp.db.engine import reading, writing
from webapp.schema import now, saved_filters, users
from webapp.visible_text import without_invisible

MOST = 50  # filters of one user
_FIELDS = ("id", "owner_id", "name", "arguments", "shared", "of_all_users", "created_at")


class BadFilter(BadName):
    """Raised when a filter cannot be saved like this; the message is a sentence for users."""


class FilterNotFound(Exception):
    """Raised when the filter does not exist, or the user may not see or change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFilter:
    """A filter; ``arguments`` are those of the list's URL; ``of_all_users`` if it is for the list of all jobs."""

    id: UUID
    owner_id: UUID
    owner_name: str
    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False
    of_all_users: bool = False
    created_at: datetime

    def may_delete(self, user: User) -> bool:
        """Whether the user may delete it: its owner, and admins if it is shared."""
        return self.owner_id == user.id or (self.shared and may(user, Right.CHANGE_USERS))


class SavedFilters:
    """Reads and changes saved filters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def visible_to(self, user: User) -> tuple[SavedFilter, ...]:
        """Return the user's own filters and those shared with them, own ones first, by name."""
        with reading(self._engine) as connection:
            found = [_filter(row) for row in connection.execute(_select(user)).mappings()]
        return tuple(sorted(found, key=lambda each: (each.owner_id != user.id, each.name.casefold(), each.id)))

    def get(self, user: User, filter_id: UUID) -> SavedFilter:
        """Return a filter that the user can see; raise `FilterNotFound`."""
        with reading(self._engine) as connection:
            row = connection.execute(_select(user).where(saved_filters.c.id == filter_id)).mappings().first()
        if row is None:
            raise FilterNotFound(filter_id)
        return _filter(row)

    def named(self, user: User, name: str) -> SavedFilter:
        """Return the filter with this name, the user's own before a shared one; raise `FilterNotFound`."""
        wanted = without_invisible(name).casefold()
        for each in self.visible_to(user):
            if each.name.casefold() == wanted:
                return each
        raise FilterNotFound(name)

    def shared_named(self, name: str) -> SavedFilter:
        """Return the only shared filter of this name, whatever its tenant; raise `FilterNotFound`."""
        own = and_(saved_filters.c.shared, saved_filters.c.name == without_invisible(name))
        with reading(self._engine) as connection:
            rows = connection.execute(_joined().where(own).limit(2)).mappings().all()
        if len(rows) != 1:
            raise FilterNotFound(name)
        return _filter(rows[0])

    def save(
        self, user: User, name: str, arguments: Mapping[str, str], *, shared: bool, of_all_users: bool
    ) -> SavedFilter:
        """Save a filter; one of the user's with the same name is replaced. Raises `BadName`."""
        name = valid_name(name, "filter")
        values: dict[str, Any] = {"arguments": dict(arguments), "shared": shared, "of_all_users": of_all_users}
        of_tenant = {"tenant": user.tenant}  # to whom it is shared, also if the user came from another one
        own = [each for each in self.visible_to(user) if each.owner_id == user.id]
        same = next((each for each in own if each.name == name), None)
        if same is None and len(own) >= MOST:
            message = f"One user can save at most {MOST} filters. Delete one first."
            raise BadFilter(message)
        with writing(self._engine) as connection:
            if same:
                connection.execute(
                    update(saved_filters).where(saved_filters.c.id == same.id).values(**values, **of_tenant)
                )
                return replace(same, **values)
            new_id = uuid7()
            row = {"id": new_id, "owner_id": user.id, "name": name, **values, **of_tenant}
            connection.execute(insert(saved_filters).values(**row, created_at=now()))
        return self.get(user, new_id)

    def change(
        self, user: User, filter_id: UUID, *, name: str | None = None, shared: bool | None = None
    ) -> SavedFilter:
        """Rename or share one of the user's own filters; raise `FilterNotFound` or `BadName`."""
        found = self._own(user, filter_id)
        changed = replace(
            found,
            name=found.name if name is None else valid_name(name, "filter"),
            shared=found.shared if shared is None else shared,
        )
        values = {"name": changed.name, "shared": changed.shared, "tenant": user.tenant}
        try:
            with writing(self._engine) as connection:
                connection.execute(update(saved_filters).where(saved_filters.c.id == found.id).values(**values))
        except IntegrityError:
            message = "You already have a filter with this name."
            raise BadFilter(message) from None
        return changed

    def delete(self, user: User, filter_id: UUID) -> SavedFilter:
        """Delete a filter and return what it was; raise `FilterNotFound` if the user may not."""
        found = self.get(user, filter_id)
        if not found.may_delete(user):
            raise FilterNotFound(filter_id)
        with writing(self._engine) as connection:
            connection.execute(delete(saved_filters).where(saved_filters.c.id == filter_id))
        return found

    def _own(self, user: User, filter_id: UUID) -> SavedFilter:
        found = self.get(user, filter_id)
        if found.owner_id != user.id:
            raise FilterNotFound(filter_id)
        return found


def _joined() -> Select[Any]:
    columns = [saved_filters.c[name] for name in _FIELDS]
    owner_name = (users.c.full_name, users.c.name.label("login"))
    return select(*columns, *owner_name).join(users, users.c.id == saved_filters.c.owner_id)


def _select(user: User) -> Select[Any]:
    shared = [shared_with(saved_filters, user)]
    if not may(user, Right.SEE_INSTALLATION):
        shared.append(~saved_filters.c.of_all_users)
    return _joined().where(or_(saved_filters.c.owner_id == user.id, and_(*shared)))


def _filter(row: Mapping[Any, Any]) -> SavedFilter:
    known = {name: row[name] for name in _FIELDS}
    return SavedFilter(**known, owner_name=row["full_name"] or row["login"])
