"""The dependency graph around one job: its predecessors and dependents, and theirs, as far as visible."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, or_, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Job
from webapp.jobs.queries.visible_jobs import Viewer, scopes
from webapp.jobs.store.job_store import to_job
from webapp.schema import dependencies, jobs

MOST_NODES = 40
_MOST_STEPS = 6  # in each direction
_BEFORE, _AFTER = dependencies.c.after_id, dependencies.c.job_id


@dataclass(frozen=True, slots=True)
class DependencyGraph:
    """Jobs in the order of creation, and pairs of ids: the second waits for the first.

    ``is_cut`` says that there are more jobs than `MOST_NODES`.
    """

    jobs: tuple[Job, ...] = ()
    edges: tuple[tuple[UUID, UUID], ...] = ()
    is_cut: bool = False


NO_GRAPH = DependencyGraph()


class DependencyGraphs:
    """Reads graphs of dependencies."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def around(self, viewer: Viewer, job_id: UUID) -> DependencyGraph:
        """Return the graph around a job that the viewer can see, each step by one statement; empty without edges."""
        with reading(self.engine) as connection:
            reached, cut = {job_id}, False
            for near, far in ((_AFTER, _BEFORE), (_BEFORE, _AFTER)):
                step = {job_id}
                for _ in range(_MOST_STEPS):
                    found = _neighbours(connection, viewer, step, near, far)
                    step = set(sorted(found - reached)[: MOST_NODES - len(reached)])
                    cut = cut or len(found - reached) > len(step)
                    reached |= step
                    if not step:
                        break
            if len(reached) == 1:
                return NO_GRAPH
            return DependencyGraph(_jobs(connection, reached), _edges(connection, reached), cut)


def _neighbours(connection: Connection, viewer: Viewer, ids: Collection[UUID], near: Any, far: Any) -> set[UUID]:
    visible = select(jobs.c.id).where(jobs.c.id == far, or_(*scopes(viewer))).exists()
    found = select(far).where(near.in_(list(ids)), visible).order_by(far).distinct().limit(MOST_NODES + 1)
    return set(connection.execute(found).scalars())


def _jobs(connection: Connection, ids: Collection[UUID]) -> tuple[Job, ...]:
    rows = connection.execute(select(jobs).where(jobs.c.id.in_(list(ids))).order_by(jobs.c.id)).mappings()
    return tuple(to_job(row) for row in rows)


def _edges(connection: Connection, ids: Collection[UUID]) -> tuple[tuple[UUID, UUID], ...]:
    both = select(_BEFORE, _AFTER).where(_BEFORE.in_(list(ids)), _AFTER.in_(list(ids))).order_by(_BEFORE, _AFTER)
    return tuple((before, after) for before, after in connection.execute(both))
