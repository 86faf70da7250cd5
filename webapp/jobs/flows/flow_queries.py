"""Reads flows: the graph of one with its jobs, the flow of a job, and the newest ones."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Row, func, or_, select

from webapp.db.engine import reading
from webapp.jobs.flows.flow import FlowEdge, OnFailure
from webapp.jobs.model.job import UNFINISHED, Job, Status
from webapp.jobs.queries.visible_jobs import Viewer, scopes
from webapp.jobs.store.job_store import to_job
from webapp.schema import dependencies, flow_jobs, flows, jobs

NOT_BEGUN = frozenset({Status.HELD, Status.SCHEDULED, Status.QUEUED})
_RANK = (Status.FAILED, Status.STALE, Status.CANCELLED)


class FlowNotFound(Exception):
    """Raised when the flow does not exist, or the viewer can see none of its jobs."""

    def __init__(self, flow_id: object) -> None:
        """Name the flow."""
        super().__init__(f"There is no flow {flow_id}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMember:
    """A job of a flow, and its name there."""

    name: str
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedFlow:
    """A flow with the jobs that the viewer can see, in the order of their description, and the edges between them.

    ``started_by_job`` is the job whose handler started it, unless it was deleted. Jobs that were deleted are missing.
    """

    id: UUID
    title: str
    owner_id: UUID | None
    triggered_by: UUID | None
    started_by_job: UUID | None
    created_at: datetime
    members: tuple[FlowMember, ...]
    edges: tuple[FlowEdge, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs."""
        return tuple(member.job for member in self.members)

    @property
    def is_finished(self) -> bool:
        """Whether all jobs have ended."""
        return all(job.is_finished for job in self.jobs)

    @property
    def status(self) -> Status:
        """Queued or running until all jobs have ended; then the worst of their statuses."""
        return status_of(Counter(job.status for job in self.jobs))

    @property
    def progress(self) -> float:
        """Per cent of its work, each job counting the same."""
        return sum(job.progress for job in self.jobs) / len(self.jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSummary:
    """A flow in a list: how many of its jobs have which status."""

    id: UUID
    title: str
    owner_id: UUID | None
    triggered_by: UUID | None
    created_at: datetime
    counts: Mapping[Status, int]

    @property
    def status(self) -> Status:
        """The status of `StartedFlow`."""
        return status_of(self.counts)

    @property
    def size(self) -> int:
        """How many jobs it has."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOfJob:
    """The flow that a job belongs to, and its name there."""

    id: UUID
    title: str
    name: str


class FlowQueries:
    """Reads flows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get_visible(self, viewer: Viewer, flow_id: UUID) -> StartedFlow:
        """Return a flow by three statements, however large it is; raise `FlowNotFound`."""
        return self._get(flow_id, or_(*scopes(viewer)))

    def get(self, flow_id: UUID) -> StartedFlow:
        """Return any flow; raise `FlowNotFound`."""
        return self._get(flow_id)

    def newest(self, viewer: Viewer | None, *, limit: int, before: UUID | None = None) -> tuple[FlowSummary, ...]:
        """Return the newest flows that a viewer can see, or those older than ``before``, by two statements.

        Without a viewer, these are the flows of all users.
        """
        found = select(flows).order_by(flows.c.id.desc()).limit(limit)
        if viewer is not None:
            found = found.where(_visible(viewer))
        if before is not None:
            found = found.where(flows.c.id < before)
        counted = (
            select(flow_jobs.c.flow_id, jobs.c.status, func.count().label("count"))
            .join(jobs, jobs.c.id == flow_jobs.c.job_id)
            .group_by(flow_jobs.c.flow_id, jobs.c.status)
        )
        counts: dict[UUID, dict[Status, int]] = defaultdict(dict)
        with reading(self._engine) as connection:
            rows = connection.execute(found).all()
            if rows:
                of_these = counted.where(flow_jobs.c.flow_id.in_([row.id for row in rows]))
                for count in connection.execute(of_these).mappings():
                    counts[count["flow_id"]][Status(count["status"])] = count["count"]
        return tuple(_summary(row, counts[row.id]) for row in rows if row.id in counts)

    def of_job(self, job_id: UUID) -> FlowOfJob | None:
        """Return the flow of a job."""
        found = (
            select(flows.c.id, flows.c.title, flow_jobs.c.name)
            .join(flow_jobs, flow_jobs.c.flow_id == flows.c.id)
            .where(flow_jobs.c.job_id == job_id)
        )
        with reading(self._engine) as connection:
            row = connection.execute(found).mappings().first()
        return FlowOfJob(**row) if row else None

    def _get(self, flow_id: UUID, *visible: Any) -> StartedFlow:
        members = (
            select(jobs, flow_jobs.c.name.label("flow_name"))
            .join(flow_jobs, flow_jobs.c.job_id == jobs.c.id)
            .where(flow_jobs.c.flow_id == flow_id, *visible)
            .order_by(jobs.c.id)
        )
        with reading(self._engine) as connection:
            flow = connection.execute(_flow(flow_id)).first()
            rows = connection.execute(members).mappings().all() if flow else ()
            if flow is None or not rows:
                raise FlowNotFound(flow_id)
            names = {row["id"]: row["flow_name"] for row in rows}
            edges = connection.execute(_edges(flow_id)).all()
        return _started_flow(flow, [FlowMember(name=row["flow_name"], job=to_job(row)) for row in rows], edges, names)


def status_of(counts: Mapping[Status, int]) -> Status:
    """Return the status of a flow whose jobs have these statuses."""
    if UNFINISHED.isdisjoint(counts):
        return next((status for status in _RANK if status in counts), Status.COMPLETED)
    return Status.QUEUED if NOT_BEGUN.issuperset(counts) else Status.RUNNING


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a viewer can see jobs of a flow."""
    of_flow = select(jobs.c.id).join(flow_jobs, flow_jobs.c.job_id == jobs.c.id)
    return of_flow.where(flow_jobs.c.flow_id == flows.c.id, or_(*scopes(viewer))).correlate(flows).exists()


def _summary(row: Row[Any], counts: Mapping[Status, int]) -> FlowSummary:
    return FlowSummary(
        id=row.id,
        title=row.title,
        owner_id=row.owner_id,
        triggered_by=row.triggered_by,
        created_at=row.created_at,
        counts=counts,
    )


def _flow(flow_id: UUID) -> Any:
    starter = jobs.alias("starter")
    found = select(flows, starter.c.id.label("starter_id"))
    return found.outerjoin(starter, starter.c.id == flows.c.started_by_job).where(flows.c.id == flow_id)


def _edges(flow_id: UUID) -> Any:
    return (
        select(dependencies)
        .join(flow_jobs, flow_jobs.c.job_id == dependencies.c.job_id)
        .where(flow_jobs.c.flow_id == flow_id)
        .order_by(dependencies.c.job_id, dependencies.c.after_id)
    )


def _started_flow(
    flow: Row[Any], members: Sequence[FlowMember], edges: Sequence[Row[Any]], names: dict[UUID, str]
) -> StartedFlow:
    return StartedFlow(
        id=flow.id,
        title=flow.title,
        owner_id=flow.owner_id,
        triggered_by=flow.triggered_by,
        started_by_job=flow.starter_id,
        created_at=flow.created_at,
        members=tuple(members),
        edges=tuple(
            FlowEdge(names[edge.after_id], names[edge.job_id], _on_failure(edge))
            for edge in edges
            if edge.after_id in names and edge.job_id in names
        ),
    )


def _on_failure(edge: Row[Any]) -> OnFailure:
    if not edge.only_on_success:
        return OnFailure.RUN
    return OnFailure.WAIT if edge.waits else OnFailure.CANCEL
