"""The one order in which rows of jobs are locked: children first, then all others, each by age.

A verb that ends, stops, retries or follows jobs locks all rows that it may touch here, before
anything else: then nobody waits in a ring. What a job's end may touch is its root, what is held
for either of them, the parts of that, and what is held for those, and so on. All of it can grow
while its locks are waited for; then they are given back, and the larger family is locked. SQLite
has one writer at a time and needs none of this.
"""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Uuid, any_, literal, select, union

from webapp.db.engine import is_sqlite
from webapp.schema import dependencies, jobs

IN_ORDER = (jobs.c.root_id.is_(None), jobs.c.id)


def lock_families(connection: Connection, ids: Collection[UUID]) -> None:
    """Lock jobs, their children and their roots, with all that their ends may touch."""
    if ids and not is_sqlite(connection.engine):
        _lock_all(connection, lambda: _with_followers(connection, _family(connection, ids)))


def lock_followers(connection: Connection, ids: Collection[UUID]) -> None:
    """Lock jobs, and what is held for them with all that its end may touch."""
    if ids and not is_sqlite(connection.engine):
        _lock_all(connection, lambda: _with_followers(connection, set(ids)))


def _lock_all(connection: Connection, found: Callable[[], set[UUID]]) -> None:
    wanted = found()
    while True:
        savepoint = connection.begin_nested()
        those = select(jobs.c.id).where(jobs.c.id == _any(wanted)).order_by(*IN_ORDER)
        connection.execute(those.with_for_update(key_share=True))
        now_wanted = found()
        if now_wanted <= wanted:
            savepoint.commit()  # which keeps the locks
            return
        savepoint.rollback()  # which gives them back
        wanted |= now_wanted


def _family(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    roots = select(jobs.c.root_id).where(jobs.c.id == _any(ids), jobs.c.root_id.is_not(None))
    found = connection.execute(union(roots, _children(ids))).scalars()
    return {*ids, *found}


def _with_followers(connection: Connection, those: set[UUID]) -> set[UUID]:
    found, new = set(those), set(those)
    while new:
        followers = _held_for(connection, new) - found
        parts = set(connection.execute(_children(followers)).scalars()) if followers else set()
        new = followers | parts
        found |= new
    return found


def _held_for(connection: Connection, those: set[UUID]) -> set[UUID]:
    # read one after the other: joined, the planner may look for each held job among all of those
    edges = select(dependencies.c.job_id).where(dependencies.c.after_id == _any(those))
    followers = connection.execute(edges).scalars().all()
    if not followers:
        return set()
    held = select(jobs.c.id).where(jobs.c.id == _any(followers), jobs.c.status == "held")
    return set(connection.execute(held).scalars())


def _children(ids: Collection[UUID]) -> Any:
    return select(jobs.c.id).where(jobs.c.root_id == _any(ids))


def _any(ids: Collection[UUID]) -> Any:
    """One parameter, however many they are."""
    return any_(literal(list(ids), ARRAY(Uuid)))
