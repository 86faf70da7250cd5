"""Listing: pages of jobs, newest first, each as cheap at a million jobs as at a thousand.

What an index answers is walked in its order and stops with the page. What no index answers (words,
and a type among one's own jobs) is looked for among the newest `SCAN_LIMIT` jobs, part by part, and the
answer says how far it came; whoever wants more goes on from there.

Walks: the statements of lists, built once for each viewer and choice, as a page asks for them every few seconds.

To build one takes longer than to run it. ``above`` and ``below`` are ids, both left out.

How the jobs of a tab spread over the job types, counted in one go for all of them.

No index knows types within a status. So the newest jobs of each status are read, as many as a list
narrowed to a type looks at (listing.py), however many there are.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    ScalarSelect,
    Select,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
    union_all,
)

from webapp.db.engine import is_sqlite, reading
from webapp.jobs.model.job import Job
from webapp.jobs.queries.criteria import Conditions, JobCriteria
from webapp.jobs.queries.visible_jobs import COUNT_CEILING, PAGE, TAB_CEILING, TABS, Viewer, scopes, select_newest
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs

LOWEST, HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
_KEPT = 256
_BETWEEN = (jobs.c.id > bindparam("above", type_=Uuid()), jobs.c.id < bindparam("below", type_=Uuid()))


@lru_cache(_KEPT)
def select_page(viewer: Viewer, chosen: JobCriteria, limit: int) -> Select[Any]:
    """Select the newest that are chosen, between the ids."""
    return select_newest(add_conditions(chosen.walks(viewer), [*_BETWEEN]), limit)


@lru_cache(_KEPT)
def select_ids(viewer: Viewer, chosen: JobCriteria, limit: int) -> Select[Any]:
    """Select the ids of the same."""
    return select_newest(add_conditions(chosen.walks(viewer), [*_BETWEEN]), limit, jobs.c.id)


@lru_cache(_KEPT)
def select_tab_counts(viewer: Viewer, tabs: tuple[str, ...]) -> Select[Any]:
    """Select how many there are in each tab, by its name; each stops at `TAB_CEILING`."""
    found: list[Any] = [count_up_to(JobCriteria(tab=tab).walks(viewer), TAB_CEILING).label(tab) for tab in tabs]
    return select(*found)


def count_up_to(walks: list[Conditions], ceiling: int) -> ScalarSelect[int]:
    """Return how many there are; stops at the ceiling."""
    # each walk in its index' order, but all of them in none: to sort six hundred ids takes longer than to find them
    each = [select_newest([walk], ceiling, jobs.c.id).subquery() for walk in walks]
    some = union_all(*(select(walk.c.id) for walk in each)).limit(ceiling).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def add_conditions(walks: list[Conditions], further: Conditions) -> list[Conditions]:
    """Add conditions to each walk."""
    return [[*walk, *further] for walk in walks]


@dataclass(frozen=True, slots=True)
class TypeCounts:
    """How many jobs there are of each type, where there are any; if it was ``cut``, at least so many."""

    counts: Mapping[str, int]
    cut: bool


def count_by_type(engine: Engine, viewer: Viewer, tab: str, reach: int) -> TypeCounts:
    """Count the jobs of ``tab`` that the viewer sees, of each status the newest ``reach``."""
    with reading(engine) as connection:
        counts = {row.type: row.many for row in connection.execute(_counted(viewer, tab, reach))}
    return TypeCounts(counts, cut=sum(counts.values()) >= reach)


def _counted(viewer: Viewer, tab: str, reach: int) -> Select[Any]:
    newest = (
        select(jobs.c.type).where(*walk).order_by(jobs.c.id.desc()).limit(reach).subquery()
        for walk in JobCriteria(tab=tab).walks(viewer)
    )
    some = union_all(*(select(one.c.type) for one in newest)).subquery()
    return select(some.c.type, func.count().label("many")).group_by(some.c.type)


SCAN_LIMIT = 50_000
_FIRST_PART = 500
_UNFINISHED_TABS = ("running", "waiting", "scheduled")
_COUNTED_AT_ONCE = 20_000
EVERYTHING = JobCriteria()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """Jobs, newest first. ``reached`` is the last one that was looked at, if older ones were not."""

    jobs: tuple[Job, ...]
    reached: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListChangeTag:
    """A text that differs whenever a list may look different, and how many jobs it does not show yet."""

    text: str
    new: int

    @classmethod
    def of_page(cls, there: Collection[Job], counts: Mapping[str, int]) -> Self:
        """Return that of a page whose jobs and counts were read just now: what `JobPages.pulse` would find, unasked."""
        versions = (len(there), sum(job.version for job in there) if there else None)
        unfinished = tuple(counts[tab] for tab in _UNFINISHED_TABS)
        return cls(_pulse([job.id for job in there], versions, unfinished, 0), 0)


class JobPages:
    """Pages over the jobs of one database."""

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
        chosen: JobCriteria,
        *,
        before: UUID | None = None,
        limit: int = PAGE,
        reach: int = SCAN_LIMIT,
    ) -> JobPage:
        """Return the jobs that are chosen, newest first, older than ``before``; read at most ``reach`` rows for it."""
        with reading(self.engine) as connection:
            if rest := chosen.rest(viewer, sqlite=is_sqlite(self.engine)):
                older = [jobs.c.id < before] if before else []
                return _search(connection, _Ways.of(viewer, chosen, older, rest), limit, reach)
            between = {"above": LOWEST, "below": before or HIGHEST}
            rows = connection.execute(select_page(viewer, chosen, limit), between).mappings()
            return JobPage(jobs=tuple(to_job(row) for row in rows))

    def some(self, viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Job]:
        """Return those of the jobs that are there and that the viewer may see, by id."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(jobs).where(jobs.c.id.in_(ids), or_(*scopes(viewer)))).mappings()
            return {row["id"]: to_job(row) for row in rows}

    def missing(self, viewer: Viewer, chosen: JobCriteria, shown: Collection[UUID], limit: int = PAGE) -> int:
        """Count the jobs that belong on a first page of ``limit`` and are not among those that it shows.

        Where rows have to be looked at one by one, only newer jobs count, of the newest few thousand.
        """
        with reading(self.engine) as connection:
            return self._missing(connection, viewer, chosen, shown, limit)

    def count(self, viewer: Viewer, chosen: JobCriteria) -> int:
        """Count the jobs that are chosen, as far as `find` reaches; stops at `COUNT_CEILING`."""
        if chosen.rest(viewer, sqlite=is_sqlite(self.engine)):
            return len(self.find(viewer, chosen, limit=COUNT_CEILING).jobs)
        with reading(self.engine) as connection:
            return _count(connection, chosen.walks(viewer), COUNT_CEILING)

    def count_at_once(self, viewer: Viewer, chosen: JobCriteria) -> int | None:
        """Count the jobs that are chosen up to `TAB_CEILING`; ``None`` where rows would have to be read for it."""
        if chosen.rest(viewer, sqlite=is_sqlite(self.engine)):
            return None
        with reading(self.engine) as connection:
            return _count(connection, chosen.walks(viewer), TAB_CEILING)

    def total(self, viewer: Viewer, chosen: JobCriteria) -> int:
        """Count all that are chosen, however many: for a job, not for a page."""
        rest = chosen.rest(viewer, sqlite=is_sqlite(self.engine))
        ways, here, count = _Ways.of(viewer, chosen, [], rest), Conditions(), 0
        with reading(self.engine) as connection:
            while True:
                last, _ = _part(connection, add_conditions(ways.indexed, here), _COUNTED_AT_ONCE)
                if last is None:
                    return count
                part = add_conditions(ways.wanted, [*here, jobs.c.id >= last])
                count += _count(connection, part, _COUNTED_AT_ONCE)
                here = [jobs.c.id < last]

    def counts(self, viewer: Viewer, tabs: tuple[str, ...] = tuple(TABS)) -> dict[str, int]:
        """Count the viewer's jobs per tab, in one statement; each count stops at `TAB_CEILING`."""
        with reading(self.engine) as connection:
            return dict(connection.execute(select_tab_counts(viewer, tabs)).mappings().one())

    def spread(self, viewer: Viewer, tab: str) -> TypeCounts:
        """Count the viewer's jobs of a tab by their type, as far as `find` reaches; see `count_by_type.spread`."""
        return count_by_type(self.engine, viewer, tab, SCAN_LIMIT)

    def pulse(
        self, viewer: Viewer, shown: Collection[UUID], chosen: JobCriteria = EVERYTHING, limit: int = 0
    ) -> ListChangeTag:
        """Return what differs when jobs that are shown do, or others begin or end; and how many are `missing`.

        What only becomes of ended jobs that are not shown is not seen: a count may be late by that.
        """
        # versions only grow, so of the same jobs no change and no removal leaves both as they were
        moved = select(func.count(), func.sum(jobs.c.version)).where(_among(self.engine, shown), or_(*scopes(viewer)))
        with reading(self.engine) as connection:
            count, versions = connection.execute(moved).one()
            unfinished = connection.execute(select_tab_counts(viewer, _UNFINISHED_TABS)).one()
            new = self._missing(connection, viewer, chosen, shown, limit) if limit else 0
        return ListChangeTag(_pulse(shown, (count, versions), tuple(unfinished), new), new)

    def repeated(self, ids: Collection[UUID], *, after: UUID) -> set[UUID]:
        """Return those of the jobs that were run again after a job was made."""
        again = select(jobs.c.again_of).where(jobs.c.again_of.in_(ids), jobs.c.id > after)
        with reading(self.engine) as connection:
            return {one for one in connection.execute(again).scalars() if one is not None}

    def mine_running(self, viewer: Viewer, limit: int) -> tuple[Job, ...]:
        """Return the viewer's own running jobs, newest first."""
        return self.find(viewer, JobCriteria(tab="running", whose="mine"), limit=limit).jobs

    def _missing(
        self, connection: Connection, viewer: Viewer, chosen: JobCriteria, shown: Collection[UUID], limit: int
    ) -> int:
        if rest := chosen.rest(viewer, sqlite=is_sqlite(self.engine)):
            ways = _Ways.of(viewer, replace(chosen, above=max(shown, default=None)), [], rest)
            last, _ = _part(connection, ways.indexed, _FIRST_PART)
            return _count(connection, add_conditions(ways.wanted, [jobs.c.id >= last]), limit) if last else 0
        between = {"above": min(shown) if len(shown) >= limit else LOWEST, "below": HIGHEST}
        found = connection.execute(select_ids(viewer, chosen, limit), between).scalars()
        return len(set(found) - set(shown))


def _pulse(shown: Iterable[UUID], versions: tuple[int, int | None], unfinished: tuple[int, ...], new: int) -> str:
    return f"{sorted(shown)}-{versions}-{unfinished}-{new}"


def _among(engine: Engine, ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return the condition that a job is one of these; PostgreSQL takes them as one parameter, and sooner."""
    if is_sqlite(engine):
        return jobs.c.id.in_(ids)
    return jobs.c.id == any_(literal(list(ids), ARRAY(Uuid)))


@dataclass(frozen=True, slots=True)
class _Ways:
    """Walks of which rows are read one by one: where the indexes lead, and what is looked for on the way."""

    indexed: list[Conditions]
    wanted: list[Conditions]

    @classmethod
    def of(cls, viewer: Viewer, chosen: JobCriteria, bounds: Conditions, rest: Conditions) -> Self:
        return cls(
            add_conditions(chosen.index_walks(viewer), bounds), add_conditions(chosen.walks(viewer), [*bounds, *rest])
        )


def _search(connection: Connection, ways: _Ways, limit: int, reach: int) -> JobPage:
    found: list[Job] = []
    size, here = min(_FIRST_PART, reach), Conditions()
    while True:
        last, count = _part(connection, add_conditions(ways.indexed, here), size)
        if last is not None:
            part = add_conditions(ways.wanted, [*here, jobs.c.id >= last])
            found += _jobs(connection, part, limit - len(found))
        reach -= size
        if count < size or last is None or len(found) >= limit:
            return JobPage(jobs=tuple(found))
        if reach <= 0:
            return JobPage(jobs=tuple(found), reached=last)
        size, here = min(2 * size, reach), [jobs.c.id < last]


def _part(connection: Connection, walks: list[Conditions], size: int) -> tuple[UUID | None, int]:
    """Return the last id of the newest ``size`` rows, and how many there are."""
    part = select_newest(walks, size, jobs.c.id).subquery()
    ordered = select(part.c.id).order_by(part.c.id).limit(1).scalar_subquery()
    row = connection.execute(select(ordered.label("last"), select(func.count()).select_from(part).scalar_subquery()))
    last, count = row.one()
    return last, count


def _jobs(connection: Connection, walks: list[Conditions], limit: int) -> tuple[Job, ...]:
    return tuple(to_job(row) for row in connection.execute(select_newest(walks, limit)).mappings())


def _count(connection: Connection, walks: list[Conditions], ceiling: int) -> int:
    return int(connection.execute(select(count_up_to(walks, ceiling))).scalar_one())
