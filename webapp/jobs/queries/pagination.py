"""Keyset pagination of jobs, newest first: a page costs the same at a million jobs as at a thousand.

What an index answers is scanned in its order until the page is full. What no index answers (words, and a type among
a user's own jobs) is looked for among the newest `SCAN_LIMIT` jobs, in growing parts. The page says how far the scan
got, and the next request continues there.

The statements are cached per criteria, for all users: every page polls, and building a statement takes longer than
running it. The bounds ``oldest`` and ``newest`` are ids, both inclusive.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    Connection,
    Engine,
    ScalarSelect,
    Select,
    Uuid,
    bindparam,
    func,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.types import NullType

from webapp.db.engine import is_sqlite, reading
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.criteria import Conditions, JobCriteria
from webapp.jobs.queries.visible_jobs import (
    COUNT_CEILING,
    PAGE,
    TAB_CEILING,
    TABS,
    Viewer,
    any_user,
    scopes,
    select_newest,
    user_values,
)
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs

SCAN_LIMIT = 50_000
SEARCHED_FOR_TABS, READ_FOR_TABS = 2000, 300  # jobs that are read to count those of a filter in each tab
_FIRST_PART_SIZE = 500
UNFINISHED_TABS = ("running", "waiting", "scheduled")
_COUNT_PART_SIZE = 20_000
EVERYTHING = JobCriteria()
LOWEST, HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
_CACHED_STATEMENTS = 256
# BETWEEN and not two comparisons: with these, SQLite takes an index that has child jobs too
_BETWEEN = jobs.c.id.between(bindparam("oldest", type_=Uuid()), bindparam("newest", type_=Uuid()))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResults:
    """Jobs, newest first; ``scanned_to`` is the last job that was read, if the scan limit left out older ones."""

    jobs: tuple[Job, ...]
    scanned_to: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListChangeTag:
    """A text that changes whenever the list does, and the number of ``new`` jobs that the list does not show."""

    text: str
    new: int

    @classmethod
    def of_page(cls, shown: Collection[Job], counts: Mapping[str, int]) -> Self:
        """Return the tag of a page that was just read, without a query: the same as a poll reads."""
        versions = (len(shown), sum(job.version for job in shown) if shown else None)
        unfinished = tuple(counts[tab] for tab in UNFINISHED_TABS)
        return cls.of([job.id.hex for job in shown], versions, unfinished, 0)

    @classmethod
    def of(cls, shown: Iterable[str], versions: tuple[int, int | None], unfinished: tuple[int, ...], new: int) -> Self:
        """Return the tag of the shown jobs, of their number and the sum of their versions, and of the other counts.

        ``shown`` has the ids as hex digits.
        """
        return cls(f"{sorted(shown)}-{versions}-{unfinished}-{new}", new)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveJobs:
    """The newest running jobs, newest first, and the number of jobs in each tab of unfinished jobs."""

    running: tuple[Job, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TabCounts:
    """How many jobs there are in each tab; ``match`` has the tab and status too. Lower bounds if ``cut``."""

    counts: Mapping[str, int]
    match: int
    cut: bool


@dataclass(frozen=True, slots=True)
class TypeCounts:
    """How many jobs there are of each type that has any; lower bounds if the count was ``cut``."""

    counts: Mapping[str, int]
    cut: bool


class JobPages:
    """Reads pages and counts of the jobs that a viewer can see."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def page(
        self, viewer: Viewer, *, tab: str = "all", type_name: str = "", before: UUID | None = None, limit: int = PAGE
    ) -> tuple[Job, ...]:
        """Return the viewer's jobs, newest first, older than ``before``."""
        return self.find(viewer, JobCriteria(tab=tab, type_name=type_name), before=before, limit=limit).jobs

    def find(
        self,
        viewer: Viewer,
        criteria: JobCriteria,
        *,
        before: UUID | None = None,
        limit: int = PAGE,
        scan_limit: int = SCAN_LIMIT,
    ) -> JobResults:
        """Return matching jobs older than ``before``, newest first; read at most ``scan_limit`` rows for it."""
        with reading(self.engine) as connection:
            if filters := criteria.row_filters(viewer, sqlite=is_sqlite(self.engine)):
                older = [jobs.c.id < before] if before else []
                return _search(connection, _FilteredScans.of(viewer, criteria, older, filters), limit, scan_limit)
            rows = connection.execute(
                select_page(any_user(viewer), criteria, limit), _bounds(viewer, before)
            ).mappings()
            return JobResults(jobs=tuple(to_job(row) for row in rows))

    def versions(
        self, viewer: Viewer, criteria: JobCriteria, *, before: UUID | None = None, limit: int = PAGE
    ) -> tuple[tuple[str, int], ...] | None:
        """Return the ids (in hex) and versions of the jobs that `find` returns, which change whenever one of them does.

        None if rows would have to be read: then finding the jobs costs as much.
        """
        if criteria.row_filters(viewer, sqlite=is_sqlite(self.engine)):
            return None
        with reading(self.engine) as connection:
            rows = connection.execute(select_versions(any_user(viewer), criteria, limit), _bounds(viewer, before))
            return tuple((getattr(raw_id, "hex", raw_id), version) for raw_id, version in rows)

    def find_by_ids(self, viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Job]:
        """Return the jobs that exist and that the viewer can see, by id."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(jobs).where(jobs.c.id.in_(ids), or_(*scopes(viewer)))).mappings()
            return {row["id"]: to_job(row) for row in rows}

    def count_missing(self, viewer: Viewer, criteria: JobCriteria, shown: Collection[UUID], limit: int = PAGE) -> int:
        """Count the jobs that belong on a first page of ``limit`` jobs and are not shown there.

        Where rows must be read, only jobs newer than the page count, among the newest few hundred.
        """
        with reading(self.engine) as connection:
            return self._count_missing(connection, viewer, criteria, shown, limit)

    def count(self, viewer: Viewer, criteria: JobCriteria) -> int:
        """Count matching jobs, as far as `find` scans; the count stops at `COUNT_CEILING`."""
        if criteria.row_filters(viewer, sqlite=is_sqlite(self.engine)):
            return len(self.find(viewer, criteria, limit=COUNT_CEILING).jobs)
        with reading(self.engine) as connection:
            return _count(connection, criteria.scans(viewer), COUNT_CEILING)

    def count_if_indexed(self, viewer: Viewer, criteria: JobCriteria) -> int | None:
        """Count matching jobs up to `TAB_CEILING`; ``None`` if rows would have to be read."""
        if criteria.row_filters(viewer, sqlite=is_sqlite(self.engine)):
            return None
        with reading(self.engine) as connection:
            return _count(connection, criteria.scans(viewer), TAB_CEILING)

    def count_all(self, viewer: Viewer, criteria: JobCriteria) -> int:
        """Count all matching jobs, without a ceiling: for a job, not for a page."""
        filters = criteria.row_filters(viewer, sqlite=is_sqlite(self.engine))
        scans, rest, count = _FilteredScans.of(viewer, criteria, [], filters), Conditions(), 0
        with reading(self.engine) as connection:
            while True:
                last, _ = _part(connection, add_conditions(scans.indexed, rest), _COUNT_PART_SIZE)
                if last is None:
                    return count
                part = add_conditions(scans.filtered, [*rest, jobs.c.id >= last])
                count += _count(connection, part, _COUNT_PART_SIZE)
                rest = [jobs.c.id < last]

    def count_tabs(self, viewer: Viewer, *, with_children: bool = True) -> dict[str, int]:
        """Count the viewer's jobs per tab, in one statement; each count stops at `TAB_CEILING`."""
        counts = select_tab_counts(any_user(viewer), tuple(TABS), with_children=with_children)
        with reading(self.engine) as connection:
            return dict(connection.execute(counts, user_values(viewer)).mappings().one())

    def count_matching_tabs(self, viewer: Viewer, criteria: JobCriteria) -> TabCounts:
        """Count the matching jobs per tab, whatever their tab is, among the newest that indexes find.

        A search, which reads rows in any case, counts among `SEARCHED_FOR_TABS`, other filters among `READ_FOR_TABS`.
        """
        anywhere, size = criteria.in_any_status(), SEARCHED_FOR_TABS if criteria.text else READ_FOR_TABS
        with reading(self.engine) as connection:
            last, count = _part(connection, anywhere.index_only_scans(viewer), size)
            by_status: Mapping[str, int] = {}
            if last is not None:
                newest = replace(anywhere, newer_than=UUID(int=last.int - 1))
                filters = newest.row_filters(viewer, sqlite=is_sqlite(self.engine))
                by_status = _count_statuses(connection, add_conditions(newest.scans(viewer), filters))
        counts = {tab: _sum_of(by_status, statuses) for tab, statuses in TABS.items()}
        return TabCounts(counts, match=_sum_of(by_status, criteria.statuses()), cut=count >= size)

    def count_by_type(self, viewer: Viewer, criteria: JobCriteria) -> TypeCounts:
        """Count the viewer's jobs by type, as far as `find` scans; see `count_types`."""
        return count_types(self.engine, viewer, criteria, SCAN_LIMIT)

    def find_repeated(self, ids: Collection[UUID], *, after: UUID) -> set[UUID]:
        """Return which of the jobs were run again, by a job newer than ``after``."""
        again = select(jobs.c.again_of).where(jobs.c.again_of.in_(ids), jobs.c.id > after)
        with reading(self.engine) as connection:
            return {job_id for job_id in connection.execute(again).scalars() if job_id is not None}

    def find_active(self, viewer: Viewer, limit: int) -> ActiveJobs:
        """Return the viewer's own unfinished roots: the newest running ones, and how many there are in each tab.

        One statement, because every poll of every page runs it.
        """
        with reading(self.engine) as connection:
            rows = connection.execute(select_active(any_user(viewer), limit), user_values(viewer)).mappings().all()
        counts = {tab: rows[0][f"count_{tab}"] for tab in UNFINISHED_TABS}
        return ActiveJobs(running=tuple(to_job(row) for row in rows if row["id"] is not None), counts=counts)

    def _count_missing(
        self, connection: Connection, viewer: Viewer, criteria: JobCriteria, shown: Collection[UUID], limit: int
    ) -> int:
        if filters := criteria.row_filters(viewer, sqlite=is_sqlite(self.engine)):
            scans = _FilteredScans.of(viewer, replace(criteria, newer_than=max(shown, default=None)), [], filters)
            last, _ = _part(connection, scans.indexed, _FIRST_PART_SIZE)
            return _count(connection, add_conditions(scans.filtered, [jobs.c.id >= last]), limit) if last else 0
        oldest = min(shown) if len(shown) >= limit else LOWEST
        values = {**user_values(viewer), "oldest": oldest, "newest": HIGHEST}
        found = connection.execute(select_ids(any_user(viewer), criteria, limit), values).scalars()
        return len(set(found) - set(shown))


@lru_cache(_CACHED_STATEMENTS)
def select_page(viewer: Viewer, criteria: JobCriteria, limit: int) -> Select[Any]:
    """Select the newest matching jobs between the bounds."""
    return select_newest(add_conditions(criteria.scans(viewer), [_BETWEEN]), limit)


@lru_cache(_CACHED_STATEMENTS)
def select_ids(viewer: Viewer, criteria: JobCriteria, limit: int) -> Select[Any]:
    """Select the ids of the newest matching jobs between the bounds."""
    return select_newest(add_conditions(criteria.scans(viewer), [_BETWEEN]), limit, jobs.c.id)


@lru_cache(_CACHED_STATEMENTS)
def select_versions(viewer: Viewer, criteria: JobCriteria, limit: int) -> Select[Any]:
    """Select the ids and versions of the newest matching jobs between the bounds."""
    scans = add_conditions(criteria.scans(viewer), [_BETWEEN])
    return select_newest(scans, limit, type_coerce(jobs.c.id, NullType()), jobs.c.version)  # as the driver returns it


@lru_cache(_CACHED_STATEMENTS)
def select_tab_counts(viewer: Viewer, tabs: tuple[str, ...], *, with_children: bool) -> Select[Any]:
    """Select the number of jobs in each tab, labelled with its name; each count stops at `TAB_CEILING`."""
    criteria = {tab: JobCriteria(tab=tab, with_children=with_children) for tab in tabs}
    found: list[Any] = [count_up_to(each.scans(viewer), TAB_CEILING).label(tab) for tab, each in criteria.items()]
    return select(*found)


@lru_cache(_CACHED_STATEMENTS)
def select_active(viewer: Viewer, limit: int) -> Select[Any]:
    """Select the viewer's running roots, next to their numbers in the tabs; one row without a job if none runs."""
    roots = {tab: JobCriteria(tab=tab, ownership="mine", with_children=False) for tab in UNFINISHED_TABS}
    scans = {tab: criteria.scans(viewer) for tab, criteria in roots.items()}
    counts = select(*(count_up_to(scans[tab], TAB_CEILING).label(f"count_{tab}") for tab in scans)).subquery()
    newest = select_newest(scans["running"], limit, jobs.c.id).subquery()
    joined = counts.outerjoin(newest, true()).outerjoin(jobs, jobs.c.id == newest.c.id)
    return select(*counts.c, *jobs.c).select_from(joined).order_by(jobs.c.id.desc())


def _bounds(viewer: Viewer, before: UUID | None) -> dict[str, Any]:
    newest = UUID(int=max(before.int - 1, 0)) if before else HIGHEST
    return {**user_values(viewer), "oldest": LOWEST, "newest": newest}


def count_up_to(scans: list[Conditions], ceiling: int) -> ScalarSelect[int]:
    """Return a count of the jobs that the scans find; it stops at the ceiling."""
    # each scan in the order of its index, but the union unordered: sorting 600 ids takes longer than finding them
    each = [select_newest([scan], ceiling, jobs.c.id).subquery() for scan in scans]
    limited = union_all(*(select(scan.c.id) for scan in each)).limit(ceiling).subquery()
    return select(func.count()).select_from(limited).scalar_subquery()


def add_conditions(scans: list[Conditions], extra: Conditions) -> list[Conditions]:
    """Add conditions to each scan."""
    return [[*scan, *extra] for scan in scans]


def count_types(engine: Engine, viewer: Viewer, criteria: JobCriteria, scan_limit: int) -> TypeCounts:
    """Count the jobs that index scans find by type, among the newest ``scan_limit`` of each status.

    No index knows types within a status, so the newest jobs are read, as many as a list narrowed to a type reads.
    """
    with reading(engine) as connection:
        counts = {row.type: row.jobs for row in connection.execute(_counted(viewer, criteria, scan_limit))}
    return TypeCounts(counts, cut=sum(counts.values()) >= scan_limit)


def _counted(viewer: Viewer, criteria: JobCriteria, scan_limit: int) -> Select[Any]:
    newest = (
        select(jobs.c.type).where(*scan).order_by(jobs.c.id.desc()).limit(scan_limit).subquery()
        for scan in criteria.scans(viewer)
    )
    types = union_all(*(select(part.c.type) for part in newest)).subquery()
    return select(types.c.type, func.count().label("jobs")).group_by(types.c.type)


@dataclass(frozen=True, slots=True)
class _FilteredScans:
    """Scans whose rows are read: ``indexed`` bounds the part to read, ``filtered`` selects from it."""

    indexed: list[Conditions]
    filtered: list[Conditions]

    @classmethod
    def of(cls, viewer: Viewer, criteria: JobCriteria, bounds: Conditions, filters: Conditions) -> Self:
        return cls(
            add_conditions(criteria.index_only_scans(viewer), bounds),
            add_conditions(criteria.scans(viewer), [*bounds, *filters]),
        )


def _search(connection: Connection, scans: _FilteredScans, limit: int, scan_limit: int) -> JobResults:
    found: list[Job] = []
    size, rest = min(_FIRST_PART_SIZE, scan_limit), Conditions()
    while True:
        last, count = _part(connection, add_conditions(scans.indexed, rest), size)
        if last is not None:
            part = add_conditions(scans.filtered, [*rest, jobs.c.id >= last])
            found += _jobs(connection, part, limit - len(found))
        scan_limit -= size
        if count < size or last is None or len(found) >= limit:
            return JobResults(jobs=tuple(found))
        if scan_limit <= 0:
            return JobResults(jobs=tuple(found), scanned_to=last)
        size, rest = min(2 * size, scan_limit), [jobs.c.id < last]


def _part(connection: Connection, scans: list[Conditions], size: int) -> tuple[UUID | None, int]:
    """Return the oldest id among the newest ``size`` rows, and how many rows there are."""
    part = select_newest(scans, size, jobs.c.id).subquery()
    ordered = select(part.c.id).order_by(part.c.id).limit(1).scalar_subquery()
    row = connection.execute(select(ordered.label("last"), select(func.count()).select_from(part).scalar_subquery()))
    last, count = row.one()
    return last, count


def _jobs(connection: Connection, scans: list[Conditions], limit: int) -> tuple[Job, ...]:
    return tuple(to_job(row) for row in connection.execute(select_newest(scans, limit)).mappings())


def _count_statuses(connection: Connection, scans: list[Conditions]) -> dict[str, int]:
    found = union_all(*(select(jobs.c.status).where(*scan) for scan in scans)).subquery()
    counted = select(found.c.status, func.count().label("jobs")).group_by(found.c.status)
    return {row.status: row.jobs for row in connection.execute(counted)}


def _sum_of(by_status: Mapping[str, int], statuses: Sequence[Status]) -> int:
    return sum(by_status.get(status.value, 0) for status in statuses or Status)


def _count(connection: Connection, scans: list[Conditions], ceiling: int) -> int:
    return int(connection.execute(select(count_up_to(scans, ceiling))).scalar_one())
