"""Reads the audit log, newest line first, filtered by actor, action, object and time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, ScalarSelect, func, select

from webapp.db.engine import reading
from webapp.schema import audit

PAGE = 50
_BATCH = 500
_SLACK = timedelta(minutes=10)  # ids follow the times, except for lines written at the same moment
_NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log, as it was written."""

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
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCriteria:
    """Which lines to read; empty fields match everything, ``until`` is exclusive."""

    actor: str = ""
    action: str = ""
    kind: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return SQL conditions. Times also limit the ids, so that a scan starts and stops there."""
        same = {"actor": self.actor, "action": self.action, "object_id": self.object_id}
        found: list[ColumnElement[bool]] = [audit.c[name] == value for name, value in same.items() if value]
        if self.kind:
            # with other conditions, avoid the index of kinds: one kind may be half of all lines
            found.append((func.coalesce(audit.c.kind, "") if found else audit.c.kind) == self.kind)
        if self.since is not None:
            found += [audit.c.at >= self.since, audit.c.id > func.coalesce(_last_before(self.since - _SLACK), 0)]
        if self.until is not None:
            found += [audit.c.at < self.until, audit.c.id < func.coalesce(_first_from(self.until + _SLACK), _NO_END)]
        return found


def _last_before(at: datetime) -> ScalarSelect[int]:
    return select(audit.c.id).where(audit.c.at < at).order_by(audit.c.at.desc()).limit(1).scalar_subquery()


def _first_from(at: datetime) -> ScalarSelect[int]:
    return select(audit.c.id).where(audit.c.at >= at).order_by(audit.c.at).limit(1).scalar_subquery()


class AuditTrail:
    """Reads the audit log of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, criteria: AuditCriteria, *, before: int | None = None, limit: int = PAGE) -> tuple[AuditEntry, ...]:
        """Return lines with ids below ``before``, newest first."""
        older = [audit.c.id < before] if before is not None else []
        query = select(audit).where(*criteria.conditions(), *older).order_by(audit.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return tuple(AuditEntry(**row) for row in connection.execute(query).mappings())

    def all(self, criteria: AuditCriteria) -> Iterator[AuditEntry]:
        """Iterate over all lines, newest first; lines added meanwhile are left out."""
        before: int | None = None
        while entries := self.page(criteria, before=before, limit=_BATCH):
            yield from entries
            before = entries[-1].id
