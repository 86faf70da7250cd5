"""Groups of users: who belongs to them, by hand or because single sign-on says so, and which job types are theirs.

A job type that belongs to groups can be started by their members only, within what their roles permit.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, Select, case, delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.accounts import validation
from webapp.accounts.groups.user_group import (
    GroupInUse,
    GroupMember,
    GroupNotFound,
    GroupTaken,
    MemberBySignOn,
    NotAMember,
    NoTypeForGroups,
    UserGroup,
)
from webapp.accounts.validation import BadAccount
from webapp.db.engine import reading, writing
from webapp.schema import group_members, group_types, now, user_groups, users

DESCRIPTION_LIMIT = 200


class UserGroups:
    """The groups of one database; ``types_for_groups`` returns the job types that can be for groups.

    ``unshare`` ends the sharing of jobs with a name that is no group any more, or not yet.
    """

    def __init__(
        self, engine: Engine, types_for_groups: Callable[[], Collection[str]], *, unshare: Callable[[str], object]
    ) -> None:
        self._engine = engine
        self._types_for_groups = types_for_groups
        self._unshare = unshare

    def all(self) -> tuple[UserGroup, ...]:
        """Return all groups by name."""
        with reading(self._engine) as connection:
            return _groups(connection, select(user_groups).order_by(user_groups.c.name))

    def get(self, group_id: UUID) -> UserGroup:
        """Return a group; raise `GroupNotFound`."""
        return self._one(user_groups.c.id == group_id, group_id)

    def find(self, name: str) -> UserGroup:
        """Return the group with this name; raise `GroupNotFound`."""
        return self._one(user_groups.c.name == name, name)

    def add(self, name: str, description: str = "") -> UserGroup:
        """Add a group; raise `BadAccount` if a value is invalid, `GroupTaken` if the name is."""
        values = {"name": validation.valid_group(name), "description": _valid_description(description)}
        new: dict[str, Any] = {"id": uuid7(), **values}
        self._unless_known(values["name"])
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(user_groups).values(**new, created_at=now()))
        except IntegrityError:
            raise GroupTaken(values["name"]) from None
        return UserGroup(**new, members=0, types=())

    def remove(self, group: UserGroup) -> None:
        """Remove a group with its memberships; raise `GroupInUse` while job types are only for it."""
        with writing(self._engine) as connection:
            _lock(connection, group)
            if connection.execute(select(group_types.c.type_name).where(group_types.c.group_id == group.id)).first():
                raise GroupInUse(group.name)
            connection.execute(delete(user_groups).where(user_groups.c.id == group.id))
        self._unshare(group.name)  # nobody sees these jobs by it since the commit

    def set_types(self, group: UserGroup, types: Collection[str]) -> None:
        """Say which job types are for this group; each may be for other groups too. Raises `NoTypeForGroups`."""
        if unknown := set(types) - {*self._types_for_groups(), *group.types}:
            raise NoTypeForGroups(min(unknown)[:80])
        rows = [{"group_id": group.id, "type_name": name} for name in sorted(set(types))]
        with writing(self._engine) as connection:
            _lock(connection, group)
            connection.execute(delete(group_types).where(group_types.c.group_id == group.id))
            if rows:
                connection.execute(insert(group_types), rows)

    def names_of_types(self) -> Mapping[str, tuple[str, ...]]:
        """Return the names of the groups of each job type that is for some."""
        query = select(group_types.c.type_name, user_groups.c.name).join_from(group_types, user_groups)
        found: dict[str, tuple[str, ...]] = {}
        with reading(self._engine) as connection:
            for type_name, group in connection.execute(query.order_by(user_groups.c.name)):
                found[type_name] = (*found.get(type_name, ()), group)
        return found

    def members(self, group: UserGroup, *, after: str = "", limit: int = 50) -> tuple[GroupMember, ...]:
        """Return members by name, starting after the name ``after``."""
        by_hand = func.max(_as_number(group_members.c.by_hand)).label("by_hand")
        columns = (users.c.id, users.c.name, users.c.full_name)
        query = (
            select(*columns, by_hand)
            .join_from(group_members, users)
            .where(group_members.c.group_id == group.id, users.c.name > after)
            .group_by(*columns)
            .order_by(users.c.name)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(limit)).mappings().all()
        return tuple(GroupMember(**dict(row) | {"by_hand": bool(row["by_hand"])}) for row in rows)

    def add_member(self, group: UserGroup, user_id: UUID) -> None:
        """Add somebody by hand; does nothing if they were added before."""
        row = {"group_id": group.id, "user_id": user_id, "by_hand": True}
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(group_members).values(**row))
        except IntegrityError:
            self.get(group.id)  # it may have been removed meanwhile

    def remove_member(self, group: UserGroup, user_id: UUID) -> None:
        """Remove somebody who was added by hand; raise `NotAMember` or `MemberBySignOn`."""
        mine = (group_members.c.group_id == group.id, group_members.c.user_id == user_id)
        name = select(users.c.name).where(users.c.id == user_id)
        with writing(self._engine) as connection:
            removed = connection.execute(delete(group_members).where(*mine, group_members.c.by_hand)).rowcount
            stays = connection.execute(select(group_members.c.user_id).where(*mine)).first()
            if stays or not removed:
                refusal = MemberBySignOn if stays else NotAMember
                raise refusal(connection.execute(name).scalar() or str(user_id), group.name)

    def _unless_known(self, name: str) -> None:
        """Unshare what a former group of that name left, if a process died between its removal and that."""
        with reading(self._engine) as connection:
            known = connection.execute(select(user_groups.c.id).where(user_groups.c.name == name)).first()
        if known is None:
            self._unshare(name)

    def _one(self, condition: Any, reference: object) -> UserGroup:
        with reading(self._engine) as connection:
            found = _groups(connection, select(user_groups).where(condition))
        if not found:
            raise GroupNotFound(reference)
        return found[0]


def set_groups_by_sign_on(connection: Connection, user_id: UUID, names: Collection[str]) -> tuple[list[str], list[str]]:
    """Make a user a member of those named groups that exist, and of no others unless by hand.

    Returns the groups that single sign-on named before, and those that it names now.
    """
    by_sign_on = (group_members.c.user_id == user_id, group_members.c.by_hand.is_(False))
    of_user = select(user_groups.c.id, user_groups.c.name).join_from(group_members, user_groups).where(*by_sign_on)
    before = {name: group_id for group_id, name in connection.execute(of_user)}
    possible = [name for name in names if name.isprintable()]  # PostgreSQL refuses some of the others
    named = select(user_groups.c.id, user_groups.c.name).where(user_groups.c.name.in_(possible))
    after = {name: group_id for group_id, name in connection.execute(named)}
    if lost := [before[name] for name in before.keys() - after.keys()]:
        connection.execute(delete(group_members).where(*by_sign_on, group_members.c.group_id.in_(lost)))
    if gained := [after[name] for name in after.keys() - before.keys()]:
        rows = [{"group_id": group_id, "user_id": user_id, "by_hand": False} for group_id in gained]
        connection.execute(insert(group_members), rows)
    return sorted(before), sorted(after)


def _groups(connection: Connection, query: Select[Any]) -> tuple[UserGroup, ...]:
    rows = connection.execute(query).mappings().all()
    ids = [row["id"] for row in rows]
    number = func.count(group_members.c.user_id.distinct())
    counts = select(group_members.c.group_id, number).where(group_members.c.group_id.in_(ids))
    members = dict(connection.execute(counts.group_by(group_members.c.group_id)).all())
    types: dict[UUID, list[str]] = {}
    named = select(group_types).where(group_types.c.group_id.in_(ids)).order_by(group_types.c.type_name)
    for row in connection.execute(named):
        types.setdefault(row.group_id, []).append(row.type_name)
    return tuple(_group(row, members.get(row["id"], 0), types.get(row["id"], [])) for row in rows)


def _group(row: RowMapping, members: int, types: list[str]) -> UserGroup:
    known = {name: row[name] for name in ("id", "name", "description")}
    return UserGroup(**known, members=members, types=tuple(types))


def _lock(connection: Connection, group: UserGroup) -> None:
    """Let concurrent changes of the group wait; raise `GroupNotFound` if it was removed meanwhile."""
    row = select(user_groups.c.id).where(user_groups.c.id == group.id).with_for_update()
    if connection.execute(row).first() is None:
        raise GroupNotFound(group.name)


def _as_number(truth: Any) -> Any:
    return case((truth, 1), else_=0)


def _valid_description(description: str) -> str:
    line = " ".join(description.split())
    if len(line) > DESCRIPTION_LIMIT:
        message = f"A description has at most {DESCRIPTION_LIMIT} characters."
        raise BadAccount(message)
    return line
