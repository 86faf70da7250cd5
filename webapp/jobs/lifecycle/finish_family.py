"""End an attempt whose job has children, a root or dependents, in one transaction.

A root's children are held until all of them are written. They are released when the root's handler
has returned. If the root ends in another way, its children are stopped. If the attempt will be
retried, held children are deleted, since the next attempt creates them again. If the root continues
in another work-horse or later, they stay.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, select, update

from webapp.jobs.lifecycle import cancel, cascade, finish_attempt
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation, Ending
from webapp.jobs.model.job import GOES_ON, TERMINAL, EventName, Job, Status
from webapp.jobs.queueing.fair_share import with_new_turns
from webapp.jobs.store import lock_order, transitions
from webapp.schema import jobs

_RELEASE_CHILDREN = with_new_turns(
    transitions.released.update(transitions.WHEN_RELEASED, by_id=True),
    jobs.c.root_id == bindparam("returned_root"),
    transitions.released.guard,
    transitions.MAY_RUN,
).returning(jobs.c.queue)


def end_attempt(
    connection: Connection, job: Job, location: AttemptLocation, ending: Ending, **columns: Any
) -> set[str]:
    """End an attempt and apply all consequences; return the queues in which jobs can now be claimed.

    Raises `LeaseLost` if the attempt no longer holds the job; then nothing is written.
    """
    lock_order.lock_families(connection, [job.id])
    has_children, is_final = _has_children(connection, job), ending.status in TERMINAL
    if has_children and ending.status is Status.COMPLETED:
        return _wait_for_children(connection, job, location, ending, **columns)
    finish_attempt.end_attempt(connection, job, location, ending, **columns)
    woken: set[str] = set()
    if has_children and ending.outcome not in GOES_ON:
        woken = stop_or_discard_children(connection, job.id, is_final=is_final)
    return woken | cascade.apply_consequences(connection, [job.id]) if is_final else woken


def release_children(connection: Connection, root_id: UUID) -> set[str]:
    """Release the held children of a root, or cancel them if the root was asked to stop.

    A waiting root without unfinished children ends. The caller has locked the children before the
    root. Returns the queues in which jobs can now be claimed.
    """
    stop_requested_at = select(jobs.c.cancel_requested_at).where(jobs.c.id == root_id)
    if connection.execute(stop_requested_at).scalar() is not None:
        held = (jobs.c.root_id == root_id) & transitions.cancelled_while_held.guard
        woken = cascade.apply_consequences(connection, cascade.cancel_unstarted(connection, held))
    else:
        woken = _release(connection, root_id)
    if cascade.update_root(connection, root_id):
        woken |= cascade.apply_consequences(connection, [root_id])
    return woken


def stop_or_discard_children(connection: Connection, root_id: UUID, *, is_final: bool) -> set[str]:
    """Stop the children if the root's end ``is_final``; otherwise delete the held ones, as they are created again.

    The caller has locked the children before the root. Returns the queues in which jobs can now be
    claimed, since a child can have dependents.
    """
    return cancel.stop_children(connection, root_id) if is_final else _discard_held(connection, root_id)


def _wait_for_children(
    connection: Connection, job: Job, location: AttemptLocation, ending: Ending, **columns: Any
) -> set[str]:
    returned = replace(ending, status=Status.WAITING, outcome=EventName.WAITING)
    columns.pop("progress", None)  # it comes from the children now
    finish_attempt.end_attempt(connection, job, location, returned, **columns)
    return release_children(connection, job.id)


def _release(connection: Connection, root_id: UUID) -> set[str]:
    """Queue the held children, with turns that begin now: other jobs may have had those that they were created with."""
    return set(connection.execute(_RELEASE_CHILDREN, {"returned_root": root_id}).scalars())


def _discard_held(connection: Connection, root_id: UUID) -> set[str]:
    cancelled = transitions.cancelled_while_held.update().where(jobs.c.root_id == root_id).returning(jobs.c.id)
    ids = connection.execute(cancelled).scalars().all()
    woken = cascade.release_dependents(connection, ids)
    connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))
    connection.execute(update(jobs).where(jobs.c.id == root_id).values(parts=jobs.c.parts - len(ids)))
    return woken


def _has_children(connection: Connection, job: Job) -> bool:
    if job.root_id is not None:
        return False
    return bool(connection.execute(select(jobs.c.parts).where(jobs.c.id == job.id)).scalar())
