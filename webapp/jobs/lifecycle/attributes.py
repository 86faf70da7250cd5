"""Steering: what those who run the place change of a job beside its status: its priority, and who may see it.

Keeping: a job that somebody keeps is removed by hand only, and so are its files.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from webapp.db.engine import writing
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.model.job import IllegalTransition, Job, short_id
from webapp.jobs.queueing.claim import QUEUED
from webapp.jobs.store import events
from webapp.jobs.store.job_store import Store
from webapp.schema import attachments, jobs, later, now

PRIORITISED, PUBLISHED, WITHDRAWN = "prioritised", "made_public", "made_private"
_WAITING = ("held", "scheduled", "queued")
_HIGHEST = 1_000_000


class NotWaiting(IllegalTransition, BadRequest):
    """Only a job that waits can go before others."""

    def __init__(self, job_id: UUID) -> None:
        """Say which job."""
        Exception.__init__(self, f"Job {short_id(job_id)} does not wait any more, so its priority has no meaning.")


class NotOfTheSystem(IllegalTransition):
    """Only a job of the system can be shown to everyone."""

    def __init__(self, job_id: UUID) -> None:
        """Say which job."""
        Exception.__init__(self, f"Job {short_id(job_id)} belongs to a person, so it cannot be public.")


class Steering:
    """Changes single columns of jobs, each with its event."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def prioritise(self, job_id: UUID, priority: int, *, by: UUID | None = None) -> Job:
        """Let a waiting job go before or after others: higher goes first. Raises `NotWaiting`."""
        return self._prioritise(job_id, priority, by)

    def run_next(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Let a waiting job be the next that a worker takes from its queue. Raises `NotWaiting`."""
        queue = self.store.get(job_id).queue
        above = select(func.coalesce(func.max(jobs.c.priority), 0)).where(
            jobs.c.queue == queue, QUEUED, jobs.c.id != job_id
        )
        with self.store.engine.connect() as connection:
            highest: int = connection.execute(above).scalar_one()
        return self._prioritise(job_id, min(max(highest + 1, self.store.get(job_id).priority), _HIGHEST), by)

    def publish(self, job_id: UUID, *, public: bool, by: UUID | None = None) -> Job:
        """Show a job of the system to everyone, or no longer. Raises `NotOfTheSystem`."""
        self.store.get(job_id)
        of_the_system = jobs.c.owner_id.is_(None)
        with writing(self.store.engine) as connection:
            if not _changed(connection, job_id, of_the_system, public=public):
                raise NotOfTheSystem(job_id)
            job = self.store.read(connection, job_id)
            events.record(connection, [job], PUBLISHED if public else WITHDRAWN, actor_id=by)
        return job

    def _prioritise(self, job_id: UUID, priority: int, by: UUID | None) -> Job:
        self.store.get(job_id)
        with writing(self.store.engine) as connection:
            if not _changed(connection, job_id, jobs.c.status.in_(_WAITING), priority=priority):
                raise NotWaiting(job_id)
            job = self.store.read(connection, job_id)
            events.record(connection, [job], PRIORITISED, actor_id=by, detail=str(priority))
        return job


def _changed(connection: Connection, job_id: UUID, which: ColumnElement[bool], **values: Any) -> bool:
    changed = update(jobs).where(jobs.c.id == job_id, which).values(**values, version=jobs.c.version + 1)
    return connection.execute(changed).rowcount == 1


KEPT, RELEASED = "kept", "kept_no_longer"


class CannotBeKept(IllegalTransition):
    """A part stays as long as its root."""

    def __init__(self, job_id: UUID, root_id: UUID) -> None:
        """Say which job is to be kept instead."""
        text = f"Job {short_id(job_id)} is a part of job {short_id(root_id)}, and stays as long as that. Keep that one."
        Exception.__init__(self, text)


class Keeping:
    """Keeps jobs of one store; ``files_stay`` says how long files of a type stay."""

    def __init__(self, store: Store, files_stay: Callable[[str], timedelta]) -> None:
        self.store = store
        self._files_stay = files_stay

    def keep(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Keep a job and its files until somebody says otherwise; keeping it twice changes nothing."""
        return self._set(job_id, now(), by=by, event=KEPT)

    def keep_no_longer(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Let a job be removed in its time again; its files have their usual time from now on."""
        return self._set(job_id, None, by=by, event=RELEASED)

    def _set(self, job_id: UUID, at: object, *, by: UUID | None, event: str) -> Job:
        job = self.store.get(job_id)
        if job.root_id is not None:
            raise CannotBeKept(job_id, job.root_id)
        wrong_way = jobs.c.kept_at.is_(None) if at is not None else jobs.c.kept_at.is_not(None)
        changed = update(jobs).where(jobs.c.id == job_id, wrong_way).values(kept_at=at, version=jobs.c.version + 1)
        with writing(self.store.engine) as connection:
            if connection.execute(changed).rowcount == 1:
                self._set_files(connection, job, kept=at is not None)
                events.record(connection, [job], event, actor_id=by)
        return self.store.get(job_id)

    def _set_files(self, connection: Connection, job: Job, *, kept: bool) -> None:
        until: datetime | later | None = None if kept else later(self._files_stay(job.type).total_seconds())
        family = select(jobs.c.id).where(or_(jobs.c.id == job.id, jobs.c.root_id == job.id))
        there = (attachments.c.job_id.in_(family), attachments.c.role == "output", attachments.c.deleted_at.is_(None))
        expired = () if not kept else (attachments.c.expires_at > now(),)
        connection.execute(update(attachments).where(*there, *expired).values(expires_at=until))
