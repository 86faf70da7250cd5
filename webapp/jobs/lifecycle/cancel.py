"""Stop jobs: unstarted jobs end at once; running jobs are asked to stop, and killed when their grace period is over."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, or_

from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.job import TERMINAL, IllegalTransition, Status
from webapp.jobs.store import lock_order
from webapp.schema import jobs


def stop_jobs(connection: Connection, ids: Collection[UUID], *, by: UUID | None = None) -> set[str]:
    """Stop jobs and their children; return the queues in which jobs can now be claimed.

    Jobs that have already ended do not change.
    """
    lock_order.lock_families(connection, ids)
    return _stop(connection, or_(jobs.c.id.in_(ids), jobs.c.root_id.in_(ids)), by)


def stop_children(connection: Connection, root_id: UUID) -> set[str]:
    """Stop the children of a root; return the queues in which jobs can now be claimed.

    The caller has locked the children before the root.
    """
    return _stop(connection, jobs.c.root_id == root_id, None)


def refuse_if_ended(job_id: UUID, status: Status) -> None:
    """Raise `IllegalTransition` if a job that a user wants to stop has ended."""
    if status in TERMINAL:
        raise IllegalTransition(job_id, status, Status.CANCELLED)


def _stop(connection: Connection, condition: ColumnElement[bool], by: UUID | None) -> set[str]:
    ended = cascade.cancel_unstarted(connection, condition, by)
    ended += cascade.cancel_abandoned(connection, condition, by)
    waiting_roots = cascade.request_stop(connection, condition, by)
    woken = cascade.apply_consequences(connection, ended)
    for root in sorted(waiting_roots):
        if cascade.update_root(connection, root):
            woken |= cascade.apply_consequences(connection, [root])
    return woken
