"""Families: the end of an attempt whose job has children, a root or dependents. One transaction.

A root's children are held until all of them exist: they are released when its own handler has
returned. If it fails for good they are stopped; if it is tried again the held ones are forgotten,
since the next attempt makes them anew; if it goes on in a fresh work-horse they stay.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, case, delete, select, update

from webapp.jobs.lifecycle import cancel, cascade, finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending, Horse
from webapp.jobs.model.job import TERMINAL, EventName, Job, Status
from webapp.jobs.store import lock_order, transitions
from webapp.schema import jobs


def end(connection: Connection, job: Job, horse: Horse, ending: Ending, **words: Any) -> set[str]:
    """End an attempt and do what follows; return the queues in which work waits now.

    Raises `LeaseLost` if the attempt is not the job's any more; nothing is written then.
    """
    lock_order.lock_families(connection, [job.id])
    parts, for_good = _parts(connection, job), ending.status in TERMINAL
    if parts and ending.status is Status.COMPLETED:
        return _wait_for_children(connection, job, horse, ending, **words)
    finish_attempt.end(connection, job, horse, ending, **words)
    woken: set[str] = set()
    if parts and ending.outcome != EventName.CONTINUED:
        woken = drop_children(connection, job.id, for_good=for_good)
    return woken | cascade.follow(connection, [job.id]) if for_good else woken


def _wait_for_children(connection: Connection, job: Job, horse: Horse, ending: Ending, **words: Any) -> set[str]:
    returned = replace(ending, status=Status.WAITING, outcome=EventName.WAITING)
    finish_attempt.end(
        connection, job, horse, returned, **{name: said for name, said in words.items() if name != "progress"}
    )
    return release_children(connection, job.id)


def release_children(connection: Connection, root_id: UUID) -> set[str]:
    """Let the held children of a root start, or stop them if it was asked to stop.

    The caller has locked them before the root. If the root waits and no child is left to wait for,
    it ends. Returns the queues in which work waits now.
    """
    asked = select(jobs.c.cancel_requested_at).where(jobs.c.id == root_id)
    if connection.execute(asked).scalar() is not None:
        woken = cascade.follow(
            connection, cascade.end_waiting(connection, (jobs.c.root_id == root_id) & transitions.released.guard)
        )
    else:
        woken = _release(connection, root_id)
    if cascade.settle_root(connection, root_id):
        woken |= cascade.follow(connection, [root_id])
    return woken


def _release(connection: Connection, root_id: UUID) -> set[str]:
    status = case((jobs.c.run_at.is_(None), Status.QUEUED.value), else_=Status.SCHEDULED.value)
    released = transitions.released.update(status).where(jobs.c.root_id == root_id).returning(jobs.c.queue)
    return set(connection.execute(released).scalars())


def drop_children(connection: Connection, root_id: UUID, *, for_good: bool) -> set[str]:
    """Stop the children of a root that has ended ``for_good``; else forget the held ones, as they are made anew.

    The caller has locked them before the root. Returns the queues in which work waits now, as
    something may follow a child.
    """
    return cancel.stop_children(connection, root_id) if for_good else _forget_held(connection, root_id)


def _forget_held(connection: Connection, root_id: UUID) -> set[str]:
    discarded = transitions.cancelled_while_held.update().where(jobs.c.root_id == root_id).returning(jobs.c.id)
    gone = connection.execute(discarded).scalars().all()
    woken = cascade.follow_dependents(connection, gone)
    connection.execute(delete(jobs).where(jobs.c.id.in_(gone)))
    connection.execute(update(jobs).where(jobs.c.id == root_id).values(parts=jobs.c.parts - len(gone)))
    return woken


def _parts(connection: Connection, job: Job) -> int:
    if job.root_id is not None:
        return 0
    return connection.execute(select(jobs.c.parts).where(jobs.c.id == job.id)).scalar() or 0
