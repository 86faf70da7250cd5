"""Form presets: values of the form of a job type under a name, private or shared with all users of a tenant.

They hold neither secrets nor files; whoever saves one leaves these out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, delete, insert, or_, select, update
from uuid_utils.compat import uuid7

from webapp.accounts.bookmarks.shared_names import BadName, shared_with, valid_name
from webapp.accounts.permissions import Right, may
from webapp.accounts.user import User
from webapp.db.engine import reading, writing
from webapp.schema import form_presets, now, users
from webapp.visible_text import without_invisible

MOST = 50  # presets of one user for one job type
_LARGEST = 64 * 1024  # characters of JSON
_FIELDS = ("id", "owner_id", "type", "name", "shared")


class PresetNotFound(Exception):
    """Raised when the preset does not exist, or the user may not see or delete it."""

    def __init__(self, preset: object) -> None:
        """Name it."""
        super().__init__(f"There is no preset {preset} that you can use.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPreset:
    """A preset; ``values`` are those of a payload, as JSON."""

    id: UUID
    owner_id: UUID
    owner_name: str
    type: str
    name: str
    values: Mapping[str, Any]
    shared: bool

    def may_delete(self, user: User) -> bool:
        """Whether the user may delete it: its owner, and admins if it is shared."""
        return self.owner_id == user.id or (self.shared and may(user, Right.CHANGE_USERS))


class FormPresets:
    """Reads and changes presets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def visible_to(self, user: User, type_name: str) -> tuple[FormPreset, ...]:
        """Return the user's own presets of a job type and those shared with them, own ones first, by name."""
        found = self._fetch(_visible(user).where(form_presets.c.type == type_name))
        return tuple(sorted(found, key=lambda each: (each.owner_id != user.id, each.name.casefold(), each.id)))

    def get(self, user: User, preset_id: UUID) -> FormPreset:
        """Return a preset that the user can see; raise `PresetNotFound`."""
        for found in self._fetch(_visible(user).where(form_presets.c.id == preset_id)):
            return found
        raise PresetNotFound(preset_id)

    def shared_named(self, type_name: str, name: str) -> FormPreset:
        """Return the only shared preset of this name, whatever its tenant; raise `PresetNotFound`."""
        named = (form_presets.c.type == type_name, form_presets.c.name == without_invisible(name))
        found = self._fetch(_joined().where(form_presets.c.shared, *named).limit(2))
        if len(found) != 1:
            raise PresetNotFound(name)
        return found[0]

    def save(self, user: User, type_name: str, name: str, values: Mapping[str, Any], *, shared: bool) -> FormPreset:
        """Save a preset; one of the user's with the same type and name is replaced. Raises `BadName`."""
        name = valid_name(name, "preset")
        if len(json.dumps(dict(values), ensure_ascii=False)) > _LARGEST:
            message = "These values are too large for a preset."
            raise BadName(message)
        own = [each for each in self.visible_to(user, type_name) if each.owner_id == user.id]
        same = next((each for each in own if each.name == name), None)
        if same is None and len(own) >= MOST:
            raise BadName(f"One user can save at most {MOST} presets of a job type. Delete one first.")
        stored = {"content": dict(values), "shared": shared, "tenant": user.tenant}
        preset_id = same.id if same else uuid7()
        with writing(self._engine) as connection:
            if same:
                connection.execute(update(form_presets).where(form_presets.c.id == preset_id).values(stored))
            else:
                row = {"id": preset_id, "owner_id": user.id, "type": type_name, "name": name, "created_at": now()}
                connection.execute(insert(form_presets).values({**row, **stored}))
        return self.get(user, preset_id)

    def delete(self, user: User, preset_id: UUID) -> FormPreset:
        """Delete a preset and return what it was; raise `PresetNotFound` if the user may not."""
        found = self.get(user, preset_id)
        if not found.may_delete(user):
            raise PresetNotFound(preset_id)
        with writing(self._engine) as connection:
            connection.execute(delete(form_presets).where(form_presets.c.id == preset_id))
        return found

    def _fetch(self, statement: Select[Any]) -> tuple[FormPreset, ...]:
        with reading(self._engine) as connection:
            return tuple(map(_preset, connection.execute(statement).mappings()))


def _joined() -> Select[Any]:
    columns = [form_presets.c[name] for name in (*_FIELDS, "content")]
    names = (users.c.full_name, users.c.name.label("login"))
    return select(*columns, *names).join(users, users.c.id == form_presets.c.owner_id)


def _visible(user: User) -> Select[Any]:
    return _joined().where(or_(form_presets.c.owner_id == user.id, shared_with(form_presets, user)))


def _preset(row: Mapping[Any, Any]) -> FormPreset:
    known = {name: row[name] for name in _FIELDS}
    return FormPreset(**known, values=row["content"], owner_name=row["full_name"] or row["login"])
