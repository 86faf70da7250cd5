"""Listing: pages of jobs, newest first, each as cheap at a million jobs as at a thousand.

What an index answers is walked in its order and stops with the page. What no index answers (words,
and a type among one's own jobs) is looked for among the newest `REACH` jobs, part by part, and the
answer says how far it came; whoever wants more goes on from there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, ScalarSelect, func, or_, select

from webapp.database import is_sqlite, reading
from webapp.jobs.chosen import Chosen, Walk
from webapp.jobs.job import Job
from webapp.jobs.queries import COUNT_CEILING, PAGE, TABS, Viewer, newest_of, scopes
from webapp.jobs.store import to_job
from webapp.schema import jobs

REACH = 50_000
_FIRST_PART = 2000
_COUNTED_AT_ONCE = 20_000
EVERYTHING = Chosen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Jobs, newest first. ``reached`` is the last one that was looked at, if older ones were not."""

    jobs: tuple[Job, ...]
    reached: UUID | None = None


class Listing:
    """Pages over the jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def page(
        self, viewer: Viewer, *, tab: str = "all", type_name: str = "", before: UUID | None = None, limit: int = PAGE
    ) -> tuple[Job, ...]:
        """Return the viewer's jobs, newest first, older than ``before``."""
        return self.find(viewer, Chosen(tab=tab, type_name=type_name), before=before, limit=limit).jobs

    def find(
        self, viewer: Viewer, chosen: Chosen, *, before: UUID | None = None, limit: int = PAGE, reach: int = REACH
    ) -> Found:
        """Return the jobs that are chosen, newest first, older than ``before``; read at most ``reach`` rows for it."""
        with reading(self.engine) as connection:
            walks = _narrowed(chosen.walks(viewer), [jobs.c.id < before] if before else [])
            if rest := chosen.rest(viewer, sqlite=is_sqlite(self.engine)):
                return _search(connection, walks, rest, limit, reach)
            return Found(jobs=_jobs(connection, walks, limit))

    def some(self, viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Job]:
        """Return those of the jobs that are there and that the viewer may see, by id."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(jobs).where(jobs.c.id.in_(ids), or_(*scopes(viewer)))).mappings()
            return {row["id"]: to_job(row) for row in rows}

    def missing(self, viewer: Viewer, chosen: Chosen, shown: Collection[UUID], limit: int = PAGE) -> int:
        """Count the jobs that belong on a first page of ``limit`` and are not among those that it shows.

        Where rows have to be looked at one by one, only newer jobs count, of the newest few thousand.
        """
        walks = chosen.walks(viewer)
        with reading(self.engine) as connection:
            if rest := chosen.rest(viewer, sqlite=is_sqlite(self.engine)):
                newer = _narrowed(walks, [jobs.c.id > max(shown)] if shown else [])
                last, _ = _part(connection, newer, _FIRST_PART)
                return _count(connection, _narrowed(newer, [jobs.c.id >= last, *rest]), limit) if last else 0
            full = _narrowed(walks, [jobs.c.id > min(shown)] if len(shown) >= limit else [])
            found = connection.execute(newest_of(full, limit, jobs.c.id)).scalars()
            return len(set(found) - set(shown))

    def count(self, viewer: Viewer, chosen: Chosen) -> int:
        """Count the jobs that are chosen, as far as `find` reaches; stops at `COUNT_CEILING`."""
        if chosen.rest(viewer, sqlite=is_sqlite(self.engine)):
            return len(self.find(viewer, chosen, limit=COUNT_CEILING).jobs)
        with reading(self.engine) as connection:
            return _count(connection, chosen.walks(viewer), COUNT_CEILING)

    def total(self, viewer: Viewer, chosen: Chosen) -> int:
        """Count all that are chosen, however many: for a job, not for a page."""
        walks, rest = chosen.walks(viewer), chosen.rest(viewer, sqlite=is_sqlite(self.engine))
        count, part = 0, walks
        with reading(self.engine) as connection:
            while True:
                last, size = _part(connection, part, _COUNTED_AT_ONCE)
                if last is None:
                    return count
                here = _narrowed(part, [jobs.c.id >= last, *rest])
                count += _count(connection, here, _COUNTED_AT_ONCE) if rest else size
                part = _narrowed(walks, [jobs.c.id < last])

    def counts(self, viewer: Viewer, tabs: Collection[str] = tuple(TABS)) -> dict[str, int]:
        """Count the viewer's jobs per tab, in one statement; each count stops at `COUNT_CEILING`."""
        found = {tab: _counting(Chosen(tab=tab).walks(viewer), COUNT_CEILING).label(tab) for tab in tabs}
        with reading(self.engine) as connection:
            return dict(connection.execute(select(*found.values())).mappings().one())

    def pulse(self, viewer: Viewer, shown: Collection[UUID]) -> str:
        """Return a text that differs when jobs that are shown do, or when others begin or end.

        What only becomes of ended jobs that are not shown is not seen: a count may be late by that.
        """
        versions = select(jobs.c.id, jobs.c.version).where(jobs.c.id.in_(shown), or_(*scopes(viewer)))
        with reading(self.engine) as connection:
            rows = sorted((row.id.hex, row.version) for row in connection.execute(versions))
        return f"{rows}-{self.counts(viewer, ('running', 'waiting', 'scheduled'))}"

    def repeated(self, ids: Collection[UUID], *, after: UUID) -> set[UUID]:
        """Return those of the jobs that were run again after a job was made."""
        again = select(jobs.c.again_of).where(jobs.c.again_of.in_(ids), jobs.c.id > after)
        with reading(self.engine) as connection:
            return {one for one in connection.execute(again).scalars() if one is not None}

    def mine_running(self, viewer: Viewer, limit: int) -> tuple[Job, ...]:
        """Return the viewer's own running jobs, newest first."""
        return self.find(viewer, Chosen(tab="running", whose="mine"), limit=limit).jobs


def _search(connection: Connection, walks: list[Walk], rest: Walk, limit: int, reach: int) -> Found:
    found: list[Job] = []
    size, part = min(_FIRST_PART, reach), walks
    while True:
        last, count = _part(connection, part, size)
        if last is not None:
            found += _jobs(connection, _narrowed(part, [jobs.c.id >= last, *rest]), limit - len(found))
        reach -= size
        if count < size or last is None or len(found) >= limit:
            return Found(jobs=tuple(found))
        if reach <= 0:
            return Found(jobs=tuple(found), reached=last)
        size, part = min(2 * size, reach), _narrowed(walks, [jobs.c.id < last])


def _part(connection: Connection, walks: list[Walk], size: int) -> tuple[UUID | None, int]:
    """Return the last id of the newest ``size`` rows, and how many there are."""
    ids = newest_of(walks, size, jobs.c.id).subquery()
    ordered = select(ids.c.id).order_by(ids.c.id).limit(1).scalar_subquery()
    row = connection.execute(select(ordered.label("last"), select(func.count()).select_from(ids).scalar_subquery()))
    last, count = row.one()
    return last, count


def _narrowed(walks: list[Walk], further: Walk) -> list[Walk]:
    return [[*walk, *further] for walk in walks]


def _jobs(connection: Connection, walks: list[Walk], limit: int) -> tuple[Job, ...]:
    return tuple(to_job(row) for row in connection.execute(newest_of(walks, limit)).mappings())


def _count(connection: Connection, walks: list[Walk], ceiling: int) -> int:
    return int(connection.execute(select(_counting(walks, ceiling))).scalar_one())


def _counting(walks: list[Walk], ceiling: int) -> ScalarSelect[int]:
    some = newest_of(walks, ceiling, jobs.c.id).subquery()
    return select(func.count()).select_from(some).scalar_subquery()
