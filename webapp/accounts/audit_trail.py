"""The audit, to be read: the newest line first, narrowed by who, what, to what and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, select

from webapp.database import reading
from webapp.schema import audit

PAGE = 50
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit, as it was written."""

    id: int
    at: datetime
    actor_id: UUID | None
    actor: str
    role: str
    address: str
    action: str
    kind: str
    object_id: str
    object_name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """Which lines are wanted; what is empty narrows nothing. ``until`` itself is not wanted any more."""

    actor: str = ""
    action: str = ""
    kind: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return it as conditions."""
        same = {"actor": self.actor, "action": self.action, "kind": self.kind, "object_id": self.object_id}
        found: list[ColumnElement[bool]] = [audit.c[name] == value for name, value in same.items() if value]
        if self.since is not None:
            found.append(audit.c.at >= self.since)
        if self.until is not None:
            found.append(audit.c.at < self.until)
        return found


class AuditTrail:
    """Reads the audit of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, wanted: Narrowed, *, before: int | None = None, limit: int = PAGE) -> tuple[Entry, ...]:
        """Return lines, the newest first, older than ``before``."""
        older = [audit.c.id < before] if before is not None else []
        found = select(audit).where(*wanted.conditions(), *older).order_by(audit.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return tuple(Entry(**row) for row in connection.execute(found).mappings())

    def all(self, wanted: Narrowed) -> Iterator[Entry]:
        """Go through all lines, the newest first; lines that come meanwhile are left out."""
        before: int | None = None
        while some := self.page(wanted, before=before, limit=_BATCH):
            yield from some
            before = some[-1].id
