"""Stop: waiting jobs end at once, in one statement; running ones are asked, and obey or are ended by force."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, or_

from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.job import TERMINAL, IllegalTransition, Status
from webapp.jobs.store import lock_order
from webapp.schema import jobs


def stop(connection: Connection, ids: Collection[UUID], *, by: UUID | None = None) -> set[str]:
    """Stop jobs and their children; return the queues in which work waits now.

    Jobs that have ended already stay as they are: they were faster.
    """
    lock_order.lock_families(connection, ids)
    return _stop(connection, or_(jobs.c.id.in_(ids), jobs.c.root_id.in_(ids)), by)


def stop_children(connection: Connection, root_id: UUID) -> set[str]:
    """Stop the children of a root that is locked, as they are; return the queues in which work waits now."""
    return _stop(connection, jobs.c.root_id == root_id, None)


def refuse_if_ended(job_id: UUID, status: Status) -> None:
    """Raise `IllegalTransition` for one job that somebody wants to stop and that has ended."""
    if status in TERMINAL:
        raise IllegalTransition(job_id, status, Status.CANCELLED)


def _stop(connection: Connection, whose: ColumnElement[bool], by: UUID | None) -> set[str]:
    ended = cascade.end_waiting(connection, whose, by)
    ended += cascade.end_deserted(connection, whose, by)
    asked = cascade.ask_running(connection, whose, by)
    woken = cascade.follow(connection, ended)
    for root in sorted(asked):
        if cascade.settle_root(connection, root):
            woken |= cascade.follow(connection, [root])
    return woken
