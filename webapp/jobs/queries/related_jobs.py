"""Related jobs: root, children, repetitions, predecessors and dependents, as far as the viewer can see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Case, Connection, Engine, case, or_, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.visible_jobs import Viewer, scopes
from webapp.jobs.store.job_store import to_job
from webapp.schema import dependencies, jobs

LIMIT = 20
_COLUMNS = (jobs.c.id, jobs.c.title, jobs.c.status, jobs.c.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedJob:
    """A job that another one refers to."""

    id: UUID
    title: str
    status: Status
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedJobs:
    """The jobs around one job; at most `LIMIT` of each."""

    root: tuple[RelatedJob, ...] = ()
    again_of: tuple[RelatedJob, ...] = ()
    run_again_as: tuple[RelatedJob, ...] = ()
    predecessors: tuple[RelatedJob, ...] = ()
    dependents: tuple[RelatedJob, ...] = ()


NO_RELATED_JOBS = RelatedJobs()


class RelatedJobQueries:
    """Reads the jobs around one job."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def find(self, viewer: Viewer, job: Job) -> RelatedJobs:
        """Return the related jobs, oldest first."""
        predecessors = select(dependencies.c.after_id).where(dependencies.c.job_id == job.id)
        dependents = select(dependencies.c.job_id).where(dependencies.c.after_id == job.id)
        with reading(self.engine) as connection:
            return RelatedJobs(
                root=_fetch(connection, viewer, jobs.c.id == job.root_id) if job.root_id else (),
                again_of=_fetch(connection, viewer, jobs.c.id == job.again_of) if job.again_of else (),
                run_again_as=_fetch(connection, viewer, jobs.c.again_of == job.id),
                predecessors=_fetch(connection, viewer, jobs.c.id.in_(predecessors)),
                dependents=_fetch(connection, viewer, jobs.c.id.in_(dependents)) if job.has_dependents else (),
            )

    def notable_children(self, root_id: UUID, *, limit: int) -> tuple[Job, ...]:
        """Return the children to show first: failed ones, then running ones, then unfinished ones."""
        query = select(jobs).where(jobs.c.root_id == root_id).order_by(_urgency(), jobs.c.id).limit(limit)
        with reading(self.engine) as connection:
            return tuple(to_job(row) for row in connection.execute(query).mappings())

    def children(
        self, root_id: UUID, *, after: UUID | None = None, statuses: Sequence[Status] = (), limit: int = 50
    ) -> tuple[Job, ...]:
        """Return a root's children in the order of creation, after the child ``after``; no status means any."""
        query = select(jobs).where(jobs.c.root_id == root_id).order_by(jobs.c.id).limit(limit)
        if after is not None:
            query = query.where(jobs.c.id > after)
        if statuses:
            query = query.where(jobs.c.status.in_(statuses))
        with reading(self.engine) as connection:
            return tuple(to_job(row) for row in connection.execute(query).mappings())


def _urgency() -> Case[int]:
    ranks = {"failed": 0, "stale": 0, "running": 1, "completed": 3, "cancelled": 3}
    return case(ranks, value=jobs.c.status, else_=2)


def _fetch(connection: Connection, viewer: Viewer, condition: Any) -> tuple[RelatedJob, ...]:
    query = select(*_COLUMNS).where(condition, or_(*scopes(viewer))).order_by(jobs.c.id).limit(LIMIT)
    return tuple(
        RelatedJob(id=row.id, title=row.title, status=Status(row.status), version=row.version)
        for row in connection.execute(query)
    )
