"""The history of jobs, for exports: all that a viewer may see, walked page by page in constant memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, func, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Status
from webapp.jobs.queries.visible_jobs import Viewer, select_newest_visible, select_visible
from webapp.schema import jobs

PAGE = 500
_SUMMARY = (
    *(jobs.c.id, jobs.c.type, jobs.c.title, jobs.c.status, jobs.c.owner_id, jobs.c.triggered_by),
    *(jobs.c.progress, jobs.c.attempt, jobs.c.created_at, jobs.c.started_at, jobs.c.finished_at),
)
_NOTES = (jobs.c.message, jobs.c.warnings, jobs.c.errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryCriteria:
    """Jobs created from ``since`` on and before ``before``; an empty tuple means all statuses or types."""

    before: datetime
    since: datetime | None = None
    statuses: tuple[Status, ...] = ()
    types: tuple[str, ...] = ()

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the same as SQL."""
        found: list[ColumnElement[bool]] = [jobs.c.created_at < self.before]
        if self.since is not None:
            found.append(jobs.c.created_at >= self.since)
        if self.statuses:
            found.append(jobs.c.status.in_([status.value for status in self.statuses]))
        if self.types:
            found.append(jobs.c.type.in_(self.types))
        return found


class JobHistory:
    """The jobs of one database as a viewer sees them; a job that changes meanwhile is read as it then is."""

    def __init__(self, engine: Engine, viewer: Viewer) -> None:
        self._engine = engine
        self._viewer = viewer

    def count(self, wanted: HistoryCriteria) -> int:
        """Return how many jobs there are now."""
        visible = select_visible(self._viewer, wanted.conditions(), jobs.c.id).subquery()
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(visible)).scalar_one()

    def pages(self, wanted: HistoryCriteria, *, notes: bool) -> Iterator[tuple[Mapping[str, Any], ...]]:
        """Yield the jobs by column, newest first, at most `PAGE` at a time; ``notes`` adds what the jobs said."""
        last: UUID | None = None
        while page := self._page(wanted, last, notes=notes):
            yield page
            last = page[-1]["id"]

    def _page(self, wanted: HistoryCriteria, before: UUID | None, *, notes: bool) -> tuple[Mapping[str, Any], ...]:
        conditions = wanted.conditions()
        if before is not None:
            conditions.append(jobs.c.id < before)
        columns = (*_SUMMARY, *_NOTES) if notes else _SUMMARY
        with reading(self._engine) as connection:
            rows = connection.execute(select_newest_visible(self._viewer, conditions, PAGE, *columns))
            return tuple(row._asdict() for row in rows)
