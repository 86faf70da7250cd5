"""What a job list is narrowed to, and the index scans that find those jobs, newest first.

`JobCriteria` narrows the jobs that a user can see. `AdminJobCriteria` adds what operators filter by: exact
status, owner, queue, worker and error.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, literal, literal_column, or_, select, true

from webapp.jobs.model.job import UNFINISHED, Status
from webapp.jobs.queries import text_search
from webapp.jobs.queries.visible_jobs import (
    ALL_UNFINISHED,
    CHILDREN,
    HAS_WARNINGS,
    PUBLIC,
    ROOTS,
    TABS,
    Viewer,
    roots_and_children,
    same_tenant,
    scans_of_groups,
    scopes,
    shared_scans,
)
from webapp.schema import attempts, has_tag, job_errors, jobs, leases

SYSTEM = "system"
_SLACK = timedelta(minutes=70)  # how far the clock that made an id can differ from the database's
_SHIFT = 80  # bits of a UUIDv7 after its milliseconds
# spelled as in the partial indexes: SQLite uses one only if its condition is in the query
_ALL_ENDED: ColumnElement[bool] = literal_column("jobs.finished_at IS NOT NULL")
_UNSUCCESSFUL_TABS = frozenset({"failed", "stopped"})
# spelled as in the partial indexes, which SQLite uses only then
_ENDED_BADLY: ColumnElement[bool] = literal_column("ended.status IN ('failed', 'stale', 'cancelled')")
_HAS_TAGS: ColumnElement[bool] = literal_column("candidates.tags IS NOT NULL")

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCriteria:
    """What a list is narrowed to; the default is every job.

    ``ownership`` is empty, "mine", "public" or "shared" (with the viewer's groups). ``since`` and ``until`` are bounds
    of the creation time; jobs newer than ``newest_id`` and jobs up to ``newer_than`` are left out. Parameters and
    errors of jobs of ``restricted_types`` are not searched for ``text``. Without ``with_children``, child jobs are left
    out, unless ``text`` is the id of one. ``ended_since`` and ``ended_until`` bound the time of the end: with
    ``many_ended`` they are checked during the scan, otherwise those jobs are looked up first.
    """

    tab: str = "all"
    with_children: bool = True
    type_name: str = ""
    tag: str = ""
    ownership: str = ""
    text: str = ""
    with_warnings: bool = False
    since: datetime | None = None
    until: datetime | None = None
    newest_id: UUID | None = None
    newer_than: UUID | None = None
    with_scheduled: bool = True
    ended_since: datetime | None = None
    ended_until: datetime | None = None
    many_ended: bool = False
    restricted_types: frozenset[str] = frozenset()

    def scans(self, viewer: Viewer) -> list[Conditions]:
        """Return the conditions of each index scan.

        One per scope and status, so that each scan is in order. But one for all statuses of jobs that are looked up:
        a scan of a status that none of them has would read all of them, or all jobs with this status.
        """
        tenant = same_tenant(viewer)
        conditions = [*self._row_bounds(), *self._lookups()]
        each = self._scans(viewer, statuses_apart=not self._lookups())
        return [[scope, tenant, *scan, *conditions] for scope, scan in each]

    def index_only_scans(self, viewer: Viewer) -> list[Conditions]:
        """Return the conditions that indexes alone can answer: they match a few more jobs, without reading rows."""
        return [[scope, *scan] for scope, scan in self._scans(viewer, statuses_apart=True)]

    def older_than(self, job_id: UUID) -> "JobCriteria":
        """Return these criteria, narrowed to jobs older than one."""
        before = UUID(int=job_id.int - 1)
        return replace(self, newest_id=min(self.newest_id or before, before))

    def in_any_status(self) -> Self:
        """Return these criteria without the tab, for a scan of a bounded number of jobs."""
        return replace(self, tab="all", many_ended=True)

    def row_filters(self, viewer: Viewer, *, sqlite: bool) -> Conditions:
        """Return the conditions that no index supports: rows must be read to check them."""
        unindexed = self.type_name and not self._can_scan_by_type(viewer)
        # coalesce keeps the database from using the index of types, which would scan every user's jobs
        found: Conditions = [func.coalesce(jobs.c.type, "") == self.type_name] if unindexed else []
        if self.with_warnings:
            found.append(HAS_WARNINGS)
        if self.text and text_search.parse_job_id(self.text) is None:
            found += text_search.word_conditions(self.text, viewer, self.restricted_types, sqlite=sqlite)
        return found

    def _scans(self, viewer: Viewer, *, statuses_apart: bool) -> list[tuple[ColumnElement[bool], Conditions]]:
        typed: Conditions = [jobs.c.type == self.type_name] if self._can_scan_by_type(viewer) else []
        roots = [ROOTS] if self._only_roots() else []
        if statuses_apart:
            every = () if typed or not self._reads_all_roots(viewer) else tuple(Status)
            scans_of = _scans_of_all if self._reads_all(viewer) and not roots else _scans_of_some
            statuses = [scan for status in self.statuses() or every for scan in scans_of(status)]
        else:
            statuses = [[jobs.c.status.in_([status.value for status in self.statuses()])]] if self.statuses() else []
        combinations = product(self._scopes(viewer), statuses or [[]])
        return [(scope, [*status, *typed, *roots, *self._id_bounds()]) for scope, status in combinations]

    def _only_roots(self) -> bool:
        return not self.with_children and text_search.parse_job_id(self.text) is None

    def _reads_all_roots(self, viewer: Viewer) -> bool:
        """Tell whether every user's roots are read: their index begins with the status, so each status is a scan."""
        return self._reads_all(viewer) and self._only_roots()

    def _reads_all(self, viewer: Viewer) -> bool:
        """Tell whether every user's jobs are read."""
        return viewer.sees_all and not self.ownership

    def statuses(self) -> tuple[Status, ...]:
        """Return the statuses of the tab; none means any."""
        return TABS[self.tab]

    def _can_scan_by_type(self, viewer: Viewer) -> bool:
        """Tell whether the index of types applies: only for all statuses of every user's jobs."""
        return bool(self.type_name) and self.tab == "all" and viewer.sees_all and not (self.ownership or viewer.tenant)

    def _scopes(self, viewer: Viewer) -> list[ColumnElement[bool]]:
        if self.ownership == "public":
            return [PUBLIC]
        if self.ownership == "mine":
            return self._owned(jobs.c.owner_id == viewer.user_id)
        if self.ownership == "shared":
            return scans_of_groups(viewer)
        if viewer.sees_all:
            return [true()]
        return [*self._owned(jobs.c.owner_id == viewer.user_id), PUBLIC, *shared_scans(viewer)]

    def _owned(self, owned: ColumnElement[bool]) -> list[ColumnElement[bool]]:
        return [owned] if self._only_roots() else roots_and_children(owned)

    def _id_bounds(self) -> Conditions:
        """Return the bounds of time as ids: an id begins with its milliseconds, so they bound the scan."""
        lowest = [_first_id(self.since - _SLACK)] if self.since else []
        if self.newer_than is not None:
            lowest.append(UUID(int=self.newer_than.int + 1))
        # only one lower bound: of two, SQLite starts the scan at the first one in the query, even if it is lower
        found: Conditions = [jobs.c.id >= max(lowest)] if lowest else []
        if self.until is not None:
            found.append(jobs.c.id < _first_id(self.until + _SLACK))
        if self.newest_id is not None:
            found.append(jobs.c.id <= self.newest_id)
        job_id = text_search.parse_job_id(self.text)
        return [*found, jobs.c.id == job_id] if job_id else found

    def _row_bounds(self) -> Conditions:
        """Return what only rows can answer; the exact time is checked only near the bounds."""
        found: Conditions = [] if self.with_scheduled else [jobs.c.status != "scheduled"]
        if self.since is not None:
            found.append(or_(jobs.c.id >= _first_id(self.since + _SLACK), jobs.c.created_at >= self.since))
        if self.until is not None:
            found.append(or_(jobs.c.id < _first_id(self.until - _SLACK), jobs.c.created_at < self.until))
        if self.many_ended and self._ended_in_time():
            found += _within(jobs, self.ended_since, self.ended_until)
        return found

    def _lookups(self) -> Conditions:
        """Return the conditions that name jobs by their ids, which another index or table finds."""
        return [*self._end_lookup(), *self._tag_lookup()]

    def _tag_lookup(self) -> Conditions:
        if not self.tag:
            return []
        candidates = jobs.alias("candidates")
        tagged = select(candidates.c.id).where(_HAS_TAGS, has_tag(candidates.c.tags, literal(self.tag)))
        return [jobs.c.id.in_(tagged)]

    def _ended_in_time(self) -> bool:
        return self.ended_since is not None or self.ended_until is not None

    def _end_lookup(self) -> Conditions:
        if self.many_ended or not self._ended_in_time():
            return []
        ended = jobs.alias("ended")
        unsuccessful = [_ENDED_BADLY] if self.tab in _UNSUCCESSFUL_TABS else []
        statuses = [ended.c.status.in_([status.value for status in TABS[self.tab]])] if unsuccessful else []
        within = _within(ended, self.ended_since, self.ended_until)
        return [jobs.c.id.in_(select(ended.c.id).where(*within, *statuses, *unsuccessful))]


def _scans_of_some(status: Status) -> list[Conditions]:
    """Return the scan of a status of some users' jobs, or of roots: their indexes have the status."""
    return [[jobs.c.status == literal_column(f"'{status.value}'")]]


def _scans_of_all(status: Status) -> list[Conditions]:
    """Return the scans of a status of all jobs: unfinished ones have an index, ended roots and children one each."""
    [of_status] = _scans_of_some(status)
    if status in UNFINISHED:
        return [[*of_status, ALL_UNFINISHED]]
    return [[*of_status, ROOTS], [*of_status, CHILDREN, _ALL_ENDED]]


def _first_id(at: datetime) -> UUID:
    return UUID(int=max(int(at.timestamp() * 1000), 0) << _SHIFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminJobCriteria(JobCriteria):
    """What an operators' list is narrowed to; the default is every job.

    ``status`` is one of the tab's statuses. ``owner`` is a user or `SYSTEM`, ``error`` a fingerprint,
    ``worker`` the worker that runs or ran a job.
    """

    status: str = ""
    queue: str = ""
    worker: str = ""
    owner: UUID | str = ""
    error: str = ""

    def in_any_status(self) -> Self:
        """Return these criteria without the tab and the status; see `JobCriteria.in_any_status`."""
        return replace(self, tab="all", status="", many_ended=True)

    def row_filters(self, viewer: Viewer, *, sqlite: bool) -> Conditions:
        """Return the conditions that no index supports; see `JobCriteria.row_filters`."""
        found = JobCriteria.row_filters(self, viewer, sqlite=sqlite)
        if self.queue:
            found.append(jobs.c.queue == self.queue)
        if self.worker:
            found.append(or_(_runs_on(self.worker), _ran_on(self.worker)))
        return found

    def statuses(self) -> tuple[Status, ...]:
        """Return the status, or those of the tab; none means any."""
        return (Status(self.status),) if self.status else TABS[self.tab]

    def _reads_all(self, viewer: Viewer) -> bool:
        return not self.owner and JobCriteria._reads_all(self, viewer)  # noqa: SLF001

    def _can_scan_by_type(self, viewer: Viewer) -> bool:
        return not self.owner and JobCriteria._can_scan_by_type(self, viewer)  # noqa: SLF001  (no super() with slots)

    def _scopes(self, viewer: Viewer) -> list[ColumnElement[bool]]:
        if not self.owner:
            return JobCriteria._scopes(self, viewer)  # noqa: SLF001
        owned = jobs.c.owner_id.is_(None) if self.owner == SYSTEM else jobs.c.owner_id == self.owner
        return [each & scope for each in self._owned(owned) for scope in scopes(viewer)]

    def _lookups(self) -> Conditions:
        found = JobCriteria._lookups(self)  # noqa: SLF001
        if self.error:
            found.append(jobs.c.id.in_(select(job_errors.c.job_id).where(job_errors.c.fingerprint == self.error)))
        return found


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
