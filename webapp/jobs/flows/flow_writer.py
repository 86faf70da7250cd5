"""Write a flow: all its jobs, edges and names in one transaction, with as many statements for one job as for many."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry, UnknownJobType
from webapp.jobs.flows.flow import Flow, FlowJob, InvalidFlow, OnFailure
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.job_options import CHILD_CHOICES, check_arguments, check_choices
from webapp.jobs.lifecycle.job_writer import key_conflicts
from webapp.jobs.model.job import BadRequest, Job, Owner, Status
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.store.fence import Fence, report
from webapp.jobs.store.job_store import JobStore
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import dependencies, flow_jobs, flows, now


class CheckQueue(Protocol):
    """Refuses unknown queues."""

    def __call__(self, queue: str, /) -> None:
        """Raise `UnknownQueue`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStart:
    """Who starts a flow, and how often: a ``request_key`` starts one flow, however often it is used.

    ``fence`` is that of the attempt whose handler starts it.
    """

    owner: Owner
    triggered_by: UUID | None = None
    request_key: str | None = None
    fence: Fence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFlow:
    """A flow that is started; ``queues`` are those in which its jobs can be claimed now, with how many."""

    id: UUID
    created: bool
    queues: tuple[tuple[str, int], ...] = ()


class FlowWriter:
    """Writes flows to one database. It wakes no worker: the caller does, after the commit."""

    def __init__(self, store: JobStore, registry: Registry, vault: Vault, check_queue: CheckQueue) -> None:
        self._store = store
        self._registry = registry
        self._vault = vault
        self._check_queue = check_queue

    def write(
        self, flow: Flow, start: FlowStart, record: Callable[[Connection, UUID], object] | None = None
    ) -> WrittenFlow:
        """Write a flow and set the ids of it and of its jobs; if its request key has started one, take those of that.

        ``record`` is called at the end of the transaction. Raises `InvalidFlow`, `TypeDisabled`, `DuplicateJob` or
        `BudgetUsedUp`, and `LeaseLost` if the attempt that starts it no longer holds its job; then nothing is written.
        """
        flow.check()
        if (known := self._find(flow, start.request_key)) is not None:
            return known
        new, flow_id = self._jobs_of(flow, start), uuid7()
        try:
            with key_conflicts(new), writing(self._store.engine) as connection:
                if start.fence is not None:
                    report(connection, start.fence, {})
                _insert_flow(connection, flow_id, flow.title, start)
                create.insert_jobs(connection, self._store, new)
                _insert_graph(connection, flow_id, flow, new)
                if record is not None:
                    record(connection, flow_id)
                faultpoint("flow.commit")
        except (IntegrityError, DuplicateJob):
            if (known := self._find(flow, start.request_key)) is not None:  # of a concurrent request
                return known
            raise
        _identify(flow, flow_id, {each.name: job.id for each, job in zip(flow.jobs, new, strict=True)})
        return WrittenFlow(id=flow_id, created=True, queues=_claimable(new))

    def _find(self, flow: Flow, request_key: str | None) -> WrittenFlow | None:
        if request_key is None:
            return None
        with reading(self._store.engine) as connection:
            flow_id = connection.execute(select(flows.c.id).where(flows.c.request_key == request_key)).scalar()
            if flow_id is None:
                return None
            named = select(flow_jobs.c.name, flow_jobs.c.job_id).where(flow_jobs.c.flow_id == flow_id)
            _identify(flow, flow_id, {row.name: row.job_id for row in connection.execute(named)})
        return WrittenFlow(id=flow_id, created=False)

    def _jobs_of(self, flow: Flow, start: FlowStart) -> list[Job]:
        followed = {edge.before for edge in flow.edges}
        new = [
            replace(self._job_of(each, place, start), has_dependents=each.name in followed)
            for place, each in enumerate(flow.jobs)
        ]
        _refuse_shared_keys(flow, new)
        return new

    def _job_of(self, each: FlowJob, place: int, start: FlowStart) -> Job:
        try:
            check_arguments(type_name=each.type, payload=each.payload)
            check_choices(each.choices, CHILD_CHOICES)
            status = create.initial_status(run_at=each.choices.get("run_at"), delay=None, held=bool(each.edges))
            choices = {"triggered_by": start.triggered_by, **each.choices}
            job_type = self._registry.get(each.type)
            job = create.new_job(
                job_type,
                each.payload,
                self._vault,
                owner=start.owner,
                files={},
                now=self._store.now,
                status=status,
                **choices,
            )
            self._check_queue(job.queue)
        except InvalidPayload as error:
            raise _refusal(each, place, error, "payload", errors=error.errors) from None
        except UnknownJobType as error:
            raise _refusal(each, place, error, "type") from None
        except UnknownQueue as error:
            raise _refusal(each, place, error, "queue") from None
        except BadRequest as error:
            raise _refusal(each, place, error) from None
        return job


def _refusal(each: FlowJob, place: int, error: Exception, *member: str, **errors: Mapping[str, str]) -> InvalidFlow:
    return InvalidFlow(f"The job “{each.name}”: {error}", "jobs", place, *member, **errors)


def _refuse_shared_keys(flow: Flow, new: Sequence[Job]) -> None:
    first: dict[str, str] = {}
    for place, (each, job) in enumerate(zip(flow.jobs, new, strict=True)):
        if job.unique_key is None:
            continue
        if job.unique_key in first:
            message = f"The jobs “{first[job.unique_key]}” and “{each.name}” of the flow have the same unique key."
            raise InvalidFlow(message, "jobs", place)
        first[job.unique_key] = each.name


def _insert_flow(connection: Connection, flow_id: UUID, title: str, start: FlowStart) -> None:
    connection.execute(
        insert(flows).values(
            id=flow_id,
            title=title,
            owner_id=start.owner.user_id,
            public=start.owner.public,
            tenant=start.owner.tenant,
            triggered_by=start.triggered_by,
            started_by_job=start.fence.job_id if start.fence else None,
            request_key=start.request_key,
            created_at=now(),
        )
    )


def _insert_graph(connection: Connection, flow_id: UUID, flow: Flow, new: Sequence[Job]) -> None:
    ids = {each.name: job.id for each, job in zip(flow.jobs, new, strict=True)}
    named = [{"flow_id": flow_id, "job_id": job_id, "name": name} for name, job_id in ids.items()]
    connection.execute(insert(flow_jobs), named)
    # nobody sees these jobs yet, so none of them has ended, and none needs a lock
    edges = [
        {
            "job_id": ids[edge.after],
            "after_id": ids[edge.before],
            "only_on_success": edge.on_failure is not OnFailure.RUN,
            "waits": edge.on_failure is OnFailure.WAIT,
        }
        for edge in flow.edges
    ]
    if edges:
        connection.execute(insert(dependencies), edges)


def _identify(flow: Flow, flow_id: UUID, ids: Mapping[str, UUID]) -> None:
    flow.id = flow_id
    for each in flow.jobs:
        each.id = ids.get(each.name)


def _claimable(new: Sequence[Job]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(job.queue for job in new if job.status is Status.QUEUED).items())
