"""Steering: what those who run the place change of a job beside its status: its priority, and who may see it."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, update

from webapp.database import writing
from webapp.jobs import events
from webapp.jobs.claims import QUEUED
from webapp.jobs.creating import BadRequest
from webapp.jobs.job import IllegalTransition, Job, short_id
from webapp.jobs.store import Store
from webapp.schema import jobs

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
