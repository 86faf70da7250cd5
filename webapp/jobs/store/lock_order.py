"""The order in which job rows are locked: children first, then all other jobs, each by age.

Every operation that ends, stops, retries or follows jobs first locks all rows that it can change,
so that two operations cannot deadlock. The end of a job can change its root, the jobs held for
either of them, the children of those, the jobs held for those children, and so on. This set can
grow while the locks are being acquired; then they are released, and the larger set is locked.
SQLite has one writer at a time and needs no locks.
"""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Select, Uuid, any_, func, literal, select, true, union, union_all

from webapp.db.engine import is_sqlite
from webapp.schema import dependencies, jobs

IN_ORDER = (jobs.c.root_id.is_(None), jobs.c.id)


def lock_families(connection: Connection, ids: Collection[UUID]) -> None:
    """Lock jobs, their children and their roots, with all jobs that their ends can change."""
    if ids and not is_sqlite(connection.engine):
        _lock_all(connection, lambda: _with_dependents(connection, _family(connection, ids)))


def lock_dependents(connection: Connection, ids: Collection[UUID]) -> None:
    """Lock jobs and their held dependents, with all jobs that the end of a dependent can change."""
    if ids and not is_sqlite(connection.engine):
        _lock_all(connection, lambda: _with_dependents(connection, set(ids)))


def _lock_all(connection: Connection, find_ids: Callable[[], set[UUID]]) -> None:
    ids = find_ids()
    while True:
        savepoint = connection.begin_nested()
        rows = select(jobs.c.id).where(jobs.c.id == _any(ids)).order_by(*IN_ORDER)
        connection.execute(rows.with_for_update(key_share=True))
        current_ids = find_ids()
        if current_ids <= ids:
            savepoint.commit()  # keeps the locks
            return
        savepoint.rollback()  # releases the locks
        ids |= current_ids


def _family(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    roots = select(jobs.c.root_id).where(jobs.c.id == _any(ids), jobs.c.root_id.is_not(None))
    found = connection.execute(union(roots, _children(ids))).scalars()
    return {*ids, *found}


def _with_dependents(connection: Connection, ids: set[UUID]) -> set[UUID]:
    dependents = _held_for(connection, ids) - ids
    return ids | set(connection.execute(_followers(dependents)).scalars()) if dependents else ids


def _followers(dependents: Collection[UUID]) -> Select[UUID]:
    """Return the statement that finds held jobs with their children, the jobs held for any of these, and so on.

    A flow can be as long as it has jobs, so there is no statement per step. Each step looks up the edges and children
    of one job; the subquery for the status keeps the planner from comparing each held job with them.
    """
    found = select(func.unnest(literal(list(dependents), ARRAY(Uuid))).label("id")).cte("found", recursive=True)
    status = select(jobs.c.status).where(jobs.c.id == dependencies.c.job_id).scalar_subquery()
    held = select(dependencies.c.job_id).where(dependencies.c.after_id == found.c.id, status == "held")
    children = select(jobs.c.id).where(jobs.c.root_id == found.c.id).correlate(found)
    following = union_all(held.correlate(found), children).lateral("following")
    return select(found.union(select(following.c[0]).select_from(found.join(following, true()))).c.id)


def _held_for(connection: Connection, ids: set[UUID]) -> set[UUID]:
    # two queries: for a join, the planner can choose to compare each held job with all ids
    edges = select(dependencies.c.job_id).where(dependencies.c.after_id == _any(ids))
    dependents = connection.execute(edges).scalars().all()
    if not dependents:
        return set()
    held = select(jobs.c.id).where(jobs.c.id == _any(dependents), jobs.c.status == "held")
    return set(connection.execute(held).scalars())


def _children(ids: Collection[UUID]) -> Any:
    return select(jobs.c.id).where(jobs.c.root_id == _any(ids))


def _any(ids: Collection[UUID]) -> Any:
    """Return an array of ids as a single parameter."""
    return any_(literal(list(ids), ARRAY(Uuid)))
