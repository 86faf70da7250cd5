"""Chosen: which of the jobs that somebody may see, and the index walks that find them, newest first.

Overseen: everybody's jobs, narrowed by status, owner, queue, worker, error, and by when they ended.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, literal_column, or_, select, true

from webapp.jobs.model.job import UNFINISHED, Status
from webapp.jobs.queries import text_search
from webapp.jobs.queries.visible_jobs import ALL_UNFINISHED, HAS_WARNINGS, PUBLIC, TABS, Viewer, same_tenant, scopes
from webapp.schema import attempts, job_errors, jobs, leases

_SLACK = timedelta(minutes=10)  # between the clock that ids are made by and the database's
_SHIFT = 80  # bits of an id that come after its milliseconds
# as in the indexes, which hold only such jobs: SQLite uses one if its condition stands in the query
_ALL_ENDED: ColumnElement[bool] = literal_column("jobs.finished_at IS NOT NULL")

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCriteria:
    """What a list is narrowed to; nothing chosen is all of it.

    ``whose`` is empty, "mine" or "public". A job is ``warned`` that has warnings. ``since`` and
    ``until`` are when it was created, ``newest`` is the newest job that counts, ``above`` one that
    all others must be newer than. Of jobs of ``closed_types`` the text is not looked for in what went in and came out.
    """

    tab: str = "all"
    type_name: str = ""
    whose: str = ""
    text: str = ""
    warned: bool = False
    since: datetime | None = None
    until: datetime | None = None
    newest: UUID | None = None
    above: UUID | None = None
    with_scheduled: bool = True
    closed_types: frozenset[str] = frozenset()

    def walks(self, viewer: Viewer) -> list[Conditions]:
        """Return the conditions of each index walk: one for each scope and status, so that each is in order."""
        house = same_tenant(viewer)
        return [[scope, house, *walk, *self._exactly()] for scope, walk in self._ways(viewer)]

    def index_walks(self, viewer: Viewer) -> list[Conditions]:
        """Return the same with what the indexes themselves know only: a little more, found without reading rows."""
        return [[scope, *walk] for scope, walk in self._ways(viewer)]

    def older_than(self, job_id: UUID) -> "JobCriteria":
        """Return the same without a job and the newer ones."""
        before = UUID(int=job_id.int - 1)
        return replace(self, newest=min(self.newest or before, before))

    def rest(self, viewer: Viewer, *, sqlite: bool) -> Conditions:
        """Return the conditions that no index helps with: rows have to be read and passed over."""
        passed_over = self.type_name and not self._type_is_indexed(viewer)
        # not by the index of types, which would walk everybody's jobs
        found: Conditions = [func.coalesce(jobs.c.type, "") == self.type_name] if passed_over else []
        if self.warned:
            found.append(HAS_WARNINGS)
        if self.text and text_search.parse_job_id(self.text) is None:
            found += text_search.word_conditions(self.text, viewer, self.closed_types, sqlite=sqlite)
        return found

    def _ways(self, viewer: Viewer) -> list[tuple[ColumnElement[bool], Conditions]]:
        typed: Conditions = [jobs.c.type == self.type_name] if self._type_is_indexed(viewer) else []
        statuses = [_status(status.value, hinted=viewer.sees_all and not self.whose) for status in self._statuses()]
        among = product(self._scopes(viewer), statuses or [[]])
        return [(scope, [*status, *typed, *self._bounds()]) for scope, status in among]

    def _statuses(self) -> tuple[Status, ...]:
        return TABS[self.tab]

    def _type_is_indexed(self, viewer: Viewer) -> bool:
        """Tell whether the jobs of a type can be walked: only where they are in all statuses and everybody's."""
        return bool(self.type_name) and self.tab == "all" and viewer.sees_all and not (self.whose or viewer.tenant)

    def _scopes(self, viewer: Viewer) -> list[ColumnElement[bool]]:
        if self.whose:
            return [jobs.c.owner_id == viewer.user_id if self.whose == "mine" else PUBLIC]
        return [true()] if viewer.sees_all else [jobs.c.owner_id == viewer.user_id, PUBLIC]

    def _bounds(self) -> Conditions:
        """Return the bounds of time: an id begins with its milliseconds, so the walk begins and ends there."""
        lowest = [_first_id(self.since - _SLACK)] if self.since else []
        if self.above is not None:
            lowest.append(UUID(int=self.above.int + 1))
        # one bound: of two, SQLite begins at the first that stands there, however far below the other
        found: Conditions = [jobs.c.id >= max(lowest)] if lowest else []
        if self.until is not None:
            found.append(jobs.c.id < _first_id(self.until + _SLACK))
        if self.newest is not None:
            found.append(jobs.c.id <= self.newest)
        one = text_search.parse_job_id(self.text)
        return [*found, jobs.c.id == one] if one else found

    def _exactly(self) -> Conditions:
        """Return what only the rows know; the time itself is looked at near the bounds alone."""
        found: Conditions = [] if self.with_scheduled else [jobs.c.status != "scheduled"]
        if self.since is not None:
            found.append(or_(jobs.c.id >= _first_id(self.since + _SLACK), jobs.c.created_at >= self.since))
        if self.until is not None:
            found.append(or_(jobs.c.id < _first_id(self.until - _SLACK), jobs.c.created_at < self.until))
        return found


def _status(status: str, *, hinted: bool) -> Conditions:
    found = [jobs.c.status == literal_column(f"'{status}'")]
    if hinted:
        found.append(ALL_UNFINISHED if status in UNFINISHED else _ALL_ENDED)
    return found


def _first_id(at: datetime) -> UUID:
    return UUID(int=max(int(at.timestamp() * 1000), 0) << _SHIFT)


SYSTEM = "system"
_BADLY = frozenset({"failed", "stopped"})
# as in the index, which SQLite uses only then
_ENDED_BADLY: ColumnElement[bool] = literal_column("ended.status IN ('failed', 'stale', 'cancelled')")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminJobCriteria(JobCriteria):
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

    def walks(self, viewer: Viewer) -> list[Conditions]:
        """Return the conditions of each index walk, as `JobCriteria.walks` does."""
        found = JobCriteria.walks(self, viewer)
        return [[*walk, *self._failed_so(), *self._ended()] for walk in found]

    def rest(self, viewer: Viewer, *, sqlite: bool) -> Conditions:
        """Return the conditions that no index helps with, as `JobCriteria.rest` does."""
        found = JobCriteria.rest(self, viewer, sqlite=sqlite)
        if self.queue:
            found.append(jobs.c.queue == self.queue)
        if self.worker:
            found.append(or_(_runs_on(self.worker), _ran_on(self.worker)))
        return found

    def _statuses(self) -> tuple[Status, ...]:
        return (Status(self.status),) if self.status else TABS[self.tab]

    def _type_is_indexed(self, viewer: Viewer) -> bool:
        return not self.owner and JobCriteria._type_is_indexed(self, viewer)  # noqa: SLF001  (no super() with slots)

    def _scopes(self, viewer: Viewer) -> list[ColumnElement[bool]]:
        if not self.owner:
            return JobCriteria._scopes(self, viewer)  # noqa: SLF001
        whose = jobs.c.owner_id.is_(None) if self.owner == SYSTEM else jobs.c.owner_id == self.owner
        if viewer.sees_all:
            return [whose & same_tenant(viewer)]
        return [whose & scope for scope in scopes(viewer)]

    def _failed_so(self) -> Conditions:
        if not self.error:
            return []
        return [jobs.c.id.in_(select(job_errors.c.job_id).where(job_errors.c.fingerprint == self.error))]

    def _ended(self) -> Conditions:
        if self.ended_since is None and self.ended_until is None:
            return []
        if self.many:
            return _within(jobs, self.ended_since, self.ended_until)
        same = jobs.alias("ended")
        badly = [_ENDED_BADLY] if self.tab in _BADLY else []
        statuses = [same.c.status.in_([status.value for status in TABS[self.tab]])] if badly else []
        within = _within(same, self.ended_since, self.ended_until)
        return [jobs.c.id.in_(select(same.c.id).where(*within, *statuses, *badly))]


def _within(table: Any, since: datetime | None, until: datetime | None) -> Conditions:
    found: Conditions = [table.c.finished_at.is_not(None)]
    if since is not None:
        found.append(table.c.finished_at >= since)
    if until is not None:
        found.append(table.c.finished_at < until)
    return found


def _runs_on(worker: str) -> ColumnElement[bool]:
    return exists().where(and_(leases.c.id == jobs.c.lease_id, leases.c.worker == worker))


def _ran_on(worker: str) -> ColumnElement[bool]:
    return exists().where(and_(attempts.c.job_id == jobs.c.id, attempts.c.worker == worker))
