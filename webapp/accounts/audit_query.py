"""The audit, to be read: the newest line first, narrowed by who, what, to what and when."""

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
_SLACK = timedelta(minutes=10)  # lines are numbered in the order of their times, but for such that come at once
_NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
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
class AuditCriteria:
    """Which lines are wanted; what is empty narrows nothing. ``until`` itself is not wanted any more."""

    actor: str = ""
    action: str = ""
    kind: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return it as conditions; a time also as the numbers of lines, so that a walk begins and ends there."""
        same = {"actor": self.actor, "action": self.action, "object_id": self.object_id}
        found: list[ColumnElement[bool]] = [audit.c[name] == value for name, value in same.items() if value]
        if self.kind:
            # beside others not by its index, in which half of all lines may be of one kind
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
    """Reads the audit of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, wanted: AuditCriteria, *, before: int | None = None, limit: int = PAGE) -> tuple[AuditEntry, ...]:
        """Return lines, the newest first, older than ``before``."""
        older = [audit.c.id < before] if before is not None else []
        found = select(audit).where(*wanted.conditions(), *older).order_by(audit.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return tuple(AuditEntry(**row) for row in connection.execute(found).mappings())

    def all(self, wanted: AuditCriteria) -> Iterator[AuditEntry]:
        """Go through all lines, the newest first; lines that come meanwhile are left out."""
        before: int | None = None
        while some := self.page(wanted, before=before, limit=_BATCH):
            yield from some
            before = some[-1].id
