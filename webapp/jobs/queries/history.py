"""The history of jobs for exports: every job that a viewer can see, read page by page in constant memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, func, literal, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Status
from webapp.jobs.model.tags import folded
from webapp.jobs.queries.visible_jobs import HAS_WARNINGS, Viewer, select_newest_visible, select_visible
from webapp.schema import has_tag, jobs

PAGE = 500
_SUMMARY = (
    *(jobs.c.id, jobs.c.type, jobs.c.title, jobs.c.status, HAS_WARNINGS.label("has_warnings")),
    *(jobs.c.owner_id, jobs.c.triggered_by, jobs.c.tenant, jobs.c.shared_with),
    *(
        jobs.c.progress,
        (jobs.c.attempt - jobs.c.uncounted_attempts).label("attempt"),
        jobs.c.created_at,
        jobs.c.started_at,
        jobs.c.finished_at,
        jobs.c.tags,
    ),
)
_DIAGNOSTICS = (jobs.c.message, jobs.c.warnings, jobs.c.errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryCriteria:
    """Jobs created at or after ``since`` and before ``before``; an empty tuple means every status or type."""

    before: datetime
    since: datetime | None = None
    statuses: tuple[Status, ...] = ()
    types: tuple[str, ...] = ()
    tag: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the criteria as SQL conditions."""
        found: list[ColumnElement[bool]] = [jobs.c.created_at < self.before]
        if self.since is not None:
            found.append(jobs.c.created_at >= self.since)
        if self.statuses:
            found.append(jobs.c.status.in_([status.value for status in self.statuses]))
        if self.types:
            found.append(jobs.c.type.in_(self.types))
        if tag := folded(self.tag):
            found += [jobs.c.tags.is_not(None), has_tag(jobs.c.tags, literal(tag))]
        return found


class JobHistory:
    """The jobs that a viewer can see; a job that changes during the export is read in its new state."""

    def __init__(self, engine: Engine, viewer: Viewer) -> None:
        self._engine = engine
        self._viewer = viewer

    def count(self, criteria: HistoryCriteria) -> int:
        """Return how many jobs match now."""
        visible = select_visible(self._viewer, criteria.conditions(), jobs.c.id).subquery()
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(visible)).scalar_one()

    def pages(self, criteria: HistoryCriteria, *, with_diagnostics: bool) -> Iterator[tuple[Mapping[str, Any], ...]]:
        """Yield pages of at most `PAGE` jobs, newest first; ``with_diagnostics`` adds message, warnings and errors."""
        last: UUID | None = None
        while page := self._page(criteria, last, with_diagnostics=with_diagnostics):
            yield page
            last = page[-1]["id"]

    def _page(
        self, criteria: HistoryCriteria, before: UUID | None, *, with_diagnostics: bool
    ) -> tuple[Mapping[str, Any], ...]:
        conditions = criteria.conditions()
        if before is not None:
            conditions.append(jobs.c.id < before)
        columns = (*_SUMMARY, *_DIAGNOSTICS) if with_diagnostics else _SUMMARY
        with reading(self._engine) as connection:
            rows = connection.execute(select_newest_visible(self._viewer, conditions, PAGE, *columns))
            return tuple(row._asdict() for row in rows)
