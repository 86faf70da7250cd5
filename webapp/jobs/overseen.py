"""Overseen: everybody's jobs, narrowed by status, owner, queue, worker, error, and by when they ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, literal_column, or_, select

from webapp.jobs.chosen import Chosen, Walk
from webapp.jobs.job import Status
from webapp.jobs.queries import TABS, Viewer, in_house, scopes
from webapp.schema import attempts, job_errors, jobs, leases

SYSTEM = "system"
_BADLY = frozenset({"failed", "stopped"})
# as in the index, which SQLite uses only then
_ENDED_BADLY: ColumnElement[bool] = literal_column("ended.status IN ('failed', 'stale', 'cancelled')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overseen(Chosen):
    """What a list of everybody's jobs is narrowed to; nothing chosen is all of it.

    ``status`` is one of those of the tab. ``owner`` is a user or `SYSTEM`, ``error`` a fingerprint,
    ``worker`` who runs or has run a job. ``ended_since`` and ``ended_until`` are when a job ended; where
    very ``many`` did, they are met along the walk, else looked up first.
    """

    status: str = ""
    queue: str = ""
    worker: str = ""
    owner: UUID | str = ""
    error: str = ""
    ended_since: datetime | None = None
    ended_until: datetime | None = None
    many: bool = False

    def walks(self, viewer: Viewer) -> list[Walk]:
        """Return the conditions of each index walk, as `Chosen.walks` does."""
        found = Chosen.walks(self, viewer)
        return [[*walk, *self._failed_so(), *self._ended()] for walk in found]

    def rest(self, viewer: Viewer, *, sqlite: bool) -> Walk:
        """Return the conditions that no index helps with, as `Chosen.rest` does."""
        found = Chosen.rest(self, viewer, sqlite=sqlite)
        if self.queue:
            found.append(jobs.c.queue == self.queue)
        if self.worker:
            found.append(or_(_runs_on(self.worker), _ran_on(self.worker)))
        return found

    def _statuses(self) -> tuple[Status, ...]:
        return (Status(self.status),) if self.status else TABS[self.tab]

    def _type_is_indexed(self, viewer: Viewer) -> bool:
        return not self.owner and Chosen._type_is_indexed(self, viewer)  # noqa: SLF001  (no super() with slots)

    def _scopes(self, viewer: Viewer) -> list[ColumnElement[bool]]:
        if not self.owner:
            return Chosen._scopes(self, viewer)  # noqa: SLF001
        whose = jobs.c.owner_id.is_(None) if self.owner == SYSTEM else jobs.c.owner_id == self.owner
        if viewer.sees_all:
            return [whose & in_house(viewer)]
        return [whose & scope for scope in scopes(viewer)]

    def _failed_so(self) -> Walk:
        if not self.error:
            return []
        return [jobs.c.id.in_(select(job_errors.c.job_id).where(job_errors.c.fingerprint == self.error))]

    def _ended(self) -> Walk:
        if self.ended_since is None and self.ended_until is None:
            return []
        if self.many:
            return _within(jobs, self.ended_since, self.ended_until)
        same = jobs.alias("ended")
        badly = [_ENDED_BADLY] if self.tab in _BADLY else []
        statuses = [same.c.status.in_([status.value for status in TABS[self.tab]])] if badly else []
        within = _within(same, self.ended_since, self.ended_until)
        return [jobs.c.id.in_(select(same.c.id).where(*within, *statuses, *badly))]


def _within(table: Any, since: datetime | None, until: datetime | None) -> Walk:
    found: Walk = [table.c.finished_at.is_not(None)]
    if since is not None:
        found.append(table.c.finished_at >= since)
    if until is not None:
        found.append(table.c.finished_at < until)
    return found


def _runs_on(worker: str) -> ColumnElement[bool]:
    return exists().where(and_(leases.c.id == jobs.c.lease_id, leases.c.worker == worker))


def _ran_on(worker: str) -> ColumnElement[bool]:
    return exists().where(and_(attempts.c.job_id == jobs.c.id, attempts.c.worker == worker))
