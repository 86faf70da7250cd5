"""Groups of users of another installation. The installation checks everything."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import UUID

from webapp.accounts.groups.user_group import GroupMember, GroupNotFound, UserGroup
from webapp.cli.command_group import Failed
from webapp.cli.remote.connection import Connection, RemoteRefusal
from webapp.cli.remote.jobs import PAGE


class RemoteGroups:
    """Lists and changes groups."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[UserGroup, ...]:
        """Return all groups by name."""
        return tuple(map(_group, self._connection.items("/groups")))

    def find(self, name: str) -> UserGroup:
        """Return the group with this name; raise `GroupNotFound`."""
        found = next((group for group in self.all() if group.name == name), None)
        if found is None:
            raise GroupNotFound(name)
        return found

    def add(self, name: str, description: str = "") -> UserGroup:
        """Add a group."""
        with _refusal():
            return _group(self._connection.send("POST", "/groups", {"name": name, "description": description}))

    def remove(self, group: UserGroup) -> None:
        """Remove a group."""
        self._connection.send("DELETE", f"/groups/{group.id}")

    def set_types(self, group: UserGroup, types: Collection[str]) -> None:
        """Say which job types are for this group."""
        with _refusal():
            self._connection.send("POST", f"/groups/{group.id}/types", {"types": list(types)})

    def members(self, group: UserGroup, *, limit: int) -> tuple[GroupMember, ...]:
        """Return members by name."""
        found = self._connection.items(f"/groups/{group.id}/members", limit=min(limit, PAGE))
        return tuple(GroupMember(**document | {"id": UUID(document["id"])}) for document in islice(found, limit))

    def add_member(self, group: UserGroup, user_id: UUID) -> None:
        """Add a user by hand."""
        name = self._connection.get(f"/users/{user_id}")["name"]
        self._connection.send("POST", f"/groups/{group.id}/members", {"user": name})

    def remove_member(self, group: UserGroup, user_id: UUID) -> None:
        """Remove a user who was added by hand."""
        self._connection.send("DELETE", f"/groups/{group.id}/members/{user_id}")


def _group(document: dict[str, Any]) -> UserGroup:
    return UserGroup(**document | {"id": UUID(document["id"]), "types": tuple(document["types"])})


@contextmanager
def _refusal() -> Iterator[None]:
    """Refuse as commands on the machine do: a mistake has the exit status 1."""
    try:
        yield
    except RemoteRefusal as error:
        raise Failed(" ".join(error.errors.values()) or error.detail) from None
