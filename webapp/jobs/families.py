"""Families: the end of an attempt whose job has children, a root or dependents. One transaction.

A root's children are held until all of them exist: they are released when its own handler has
returned. If it fails for good they are stopped; if it is tried again they are forgotten, since
the next attempt makes them anew.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select, update

from webapp.jobs import aftermath, attempts
from webapp.jobs.attempts import Ending, Horse
from webapp.jobs.job import TERMINAL, Job, Status
from webapp.schema import jobs, now


def end(connection: Connection, job: Job, horse: Horse, ending: Ending, **words: Any) -> set[str]:
    """End an attempt and do what follows; return the queues in which work waits now.

    Raises `LeaseLost` if the attempt is not the job's any more; nothing is written then.
    """
    parts = _lock(connection, job.id)
    if not parts:
        attempts.end(connection, job, horse, ending, **words)
    elif ending.status is Status.COMPLETED:
        return _wait_for_children(connection, job, horse, ending, **words)
    else:
        attempts.end(connection, job, horse, ending, **words)
        _drop_children(connection, job.id, for_good=ending.status in TERMINAL)
    return aftermath.follow(connection, [job.id]) if ending.status in TERMINAL else set()


def _wait_for_children(connection: Connection, job: Job, horse: Horse, ending: Ending, **words: Any) -> set[str]:
    returned = replace(ending, status=Status.WAITING, outcome="waiting")
    attempts.end(connection, job, horse, returned, **{name: said for name, said in words.items() if name != "progress"})
    held = (jobs.c.root_id == job.id, jobs.c.status == "held", jobs.c.has_dependents.is_(False))
    released = update(jobs).where(*held).values(status="queued", version=jobs.c.version + 1).returning(jobs.c.queue)
    woken = set(connection.execute(released).scalars())
    if aftermath.settle_root(connection, job.id):
        woken |= aftermath.follow(connection, [job.id])
    return woken


def _drop_children(connection: Connection, root_id: UUID, *, for_good: bool) -> None:
    held = (jobs.c.root_id == root_id, jobs.c.status == "held")
    if for_good:
        stopped = {"status": "cancelled", "cancel_kind": "before_start", "finished_at": now()}
        count = connection.execute(update(jobs).where(*held).values(**stopped)).rowcount
        grown = {"parts_cancelled": jobs.c.parts_cancelled + count}
    else:
        grown = {"parts": jobs.c.parts - connection.execute(delete(jobs).where(*held)).rowcount}
    connection.execute(update(jobs).where(jobs.c.id == root_id).values(**grown))


def _lock(connection: Connection, job_id: UUID) -> int:
    parts = connection.execute(select(jobs.c.parts).where(jobs.c.id == job_id).with_for_update()).scalar()
    return parts or 0
