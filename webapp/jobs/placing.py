"""Placing: one new job's rows in one transaction, with what it follows, and its place behind its unique key."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from webapp.jobs import aftermath, asked_once, creating, lock_order, uniqueness
from webapp.jobs.files import StoredFile
from webapp.jobs.job import TERMINAL, Job, Status
from webapp.jobs.store import JobNotFound, Store
from webapp.schema import dependencies, jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that is not written yet, with its files and its delay.

    ``after`` are the jobs that it follows; of each, whether only its success lets this one start.
    """

    job: Job
    files: tuple[StoredFile, ...] = ()
    request_key: str | None = None
    delay: timedelta | None = None
    after: Mapping[UUID, bool] = field(default_factory=lambda: MappingProxyType({}))

    def behind(self, line: Collection[UUID]) -> "NewJob":
        """Return it held until the jobs have ended, to take its unique key then."""
        held = replace(self.job, status=Status.HELD, unique_key=None, next_key=self.job.unique_key)
        return replace(self, job=held, after={**dict.fromkeys(line, False), **self.after})


def place(connection: Connection, store: Store, new: NewJob) -> set[str]:
    """Write a new job; return the queues in which work waits now. What it follows is locked first."""
    lock_order.lock_followers(connection, new.after)
    creating.insert_jobs(connection, store, [new.job], files=new.files, delay=new.delay)
    asked_once.note(connection, new.request_key, new.job.id)
    if new.after:
        return _depend(connection, new.job, new.after)
    return {new.job.queue} if new.job.status is Status.QUEUED else set()


def place_behind(connection: Connection, store: Store, new: NewJob) -> set[str]:
    """Write a new job behind all that hold its unique key or wait for it; as any other if nobody does.

    Their rows are locked before the line is read: nobody leaves it or joins it meanwhile.
    """
    key = new.job.unique_key or ""
    lock_order.lock_followers(connection, {*uniqueness.line_of(connection, key), *new.after})
    line = uniqueness.line_of(connection, key)
    return place(connection, store, new.behind(line) if line else new)


def _depend(connection: Connection, job: Job, after: Mapping[UUID, bool]) -> set[str]:
    there = select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(list(after)))
    found = {row.id: row.status for row in connection.execute(there)}
    for missing in after.keys() - found.keys():
        raise JobNotFound(missing)
    edges = [{"job_id": job.id, "after_id": one, "only_on_success": strictly} for one, strictly in after.items()]
    connection.execute(insert(dependencies), edges)
    connection.execute(update(jobs).where(jobs.c.id.in_(list(found))).values(has_dependents=True))
    ended = [one for one, status in found.items() if Status(status) in TERMINAL]
    return aftermath.follow_dependents(connection, ended)
