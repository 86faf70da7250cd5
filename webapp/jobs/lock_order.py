"""The one order in which rows of jobs are locked: children first, then all others, each by age.

Whoever takes several rows takes them here, before anything else: then nobody waits in a ring.
What a job's end may touch is known before: its root, and what is held for either of them, and
for that. SQLite has one writer at a time and needs none of this.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, CompoundSelect, Connection, Select, Uuid, any_, literal, select, union

from webapp.database import is_sqlite
from webapp.schema import dependencies, jobs

IN_ORDER = (jobs.c.root_id.is_(None), jobs.c.id)


def lock(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Lock the jobs that meet the conditions."""
    if not is_sqlite(connection.engine):
        connection.execute(select(jobs.c.id).where(*which).order_by(*IN_ORDER).with_for_update(key_share=True))


def lock_families(connection: Connection, ids: Collection[UUID]) -> None:
    """Lock jobs, their children and their roots, with all that their ends may touch."""
    if not is_sqlite(connection.engine) and ids:
        children = select(jobs.c.id).where(jobs.c.root_id == _any(ids))
        _lock_with_followers(connection, union(*_with_roots(ids), children))


def lock_followers(connection: Connection, ids: Collection[UUID]) -> None:
    """Lock what the ends of jobs may touch; the jobs themselves are locked already."""
    if not is_sqlite(connection.engine) and ids:
        _lock_with_followers(connection, union(*_with_roots(ids)))


def _with_roots(ids: Collection[UUID]) -> tuple[Any, ...]:
    those = jobs.c.id == _any(ids)
    return select(jobs.c.id).where(those), select(jobs.c.root_id).where(those, jobs.c.root_id.is_not(None))


def _lock_with_followers(connection: Connection, those: CompoundSelect[Any]) -> None:
    # read first, then locked by their ids: in one statement, the planner may walk the whole table
    ids = connection.execute(those).scalars().all()
    followers = connection.execute(_followers(ids)).scalars().all()
    theirs = select(jobs.c.id).where(jobs.c.root_id == _any(followers))
    parts = connection.execute(theirs).scalars().all() if followers else ()
    lock(connection, jobs.c.id == _any([*ids, *followers, *parts]))


def _followers(ids: Collection[UUID]) -> Select[UUID]:
    """Select what is held for these jobs, and what is held for that."""
    edges = select(dependencies.c.job_id).join(jobs, jobs.c.id == dependencies.c.job_id).where(jobs.c.status == "held")
    found = edges.where(dependencies.c.after_id == _any(ids)).cte("found", recursive=True)
    found = found.union(edges.join(found, found.c.job_id == dependencies.c.after_id))
    return select(found.c.job_id)


def _any(ids: Collection[UUID]) -> Any:
    """One parameter, however many they are."""
    return any_(literal(list(ids), ARRAY(Uuid)))
