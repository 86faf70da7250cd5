"""Change what is not a job's status: its priority, who can see it, and whether it is kept (protected from pruning)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from webapp.db.engine import writing
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.model.job import EventName, IllegalTransition, Job, short_id
from webapp.jobs.queueing.claim import QUEUED
from webapp.jobs.store import events
from webapp.jobs.store.job_store import Store
from webapp.jobs.store.transitions import UNSTARTED
from webapp.schema import attachments, jobs, later, now

_HIGHEST_PRIORITY = 1_000_000
_UNKNOWN_TYPE_LIFETIME = timedelta(days=30)


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


class CannotBeKept(IllegalTransition):
    """A part stays as long as its root."""

    def __init__(self, job_id: UUID, root_id: UUID) -> None:
        """Say which job is to be kept instead."""
        text = f"Job {short_id(job_id)} is a part of job {short_id(root_id)}, and stays as long as that. Keep that one."
        Exception.__init__(self, text)


class AdminJobs:
    """Changes that operators make to a job without changing its status: priority, visibility and retention."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def prioritise(self, job_id: UUID, priority: int, *, by: UUID | None = None) -> Job:
        """Set the priority of an unstarted job; higher runs first. Raises `NotWaiting`."""
        return self._prioritise(job_id, priority, by)

    def run_next(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Move an unstarted job to the front of its queue. Raises `NotWaiting`."""
        queue = self._store.get(job_id).queue
        above = select(func.coalesce(func.max(jobs.c.priority), 0)).where(
            jobs.c.queue == queue, QUEUED, jobs.c.id != job_id
        )
        with self._store.engine.connect() as connection:
            highest: int = connection.execute(above).scalar_one()
        own = self._store.get(job_id).priority
        return self._prioritise(job_id, min(max(highest + 1, own), _HIGHEST_PRIORITY), by)

    def publish(self, job_id: UUID, *, public: bool, by: UUID | None = None) -> Job:
        """Show a job of the system to everyone, or hide it. Raises `NotOfTheSystem`."""
        self._store.get(job_id)
        of_the_system = jobs.c.owner_id.is_(None)
        with writing(self._store.engine) as connection:
            if not _update(connection, job_id, of_the_system, public=public):
                raise NotOfTheSystem(job_id)
            job = self._store.read(connection, job_id)
            name = EventName.MADE_PUBLIC if public else EventName.MADE_PRIVATE
            events.insert(connection, events.rows_of([job], name, actor_id=by))
        return job

    def keep(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Protect a job and its files from pruning; keeping it twice changes nothing. Raises `CannotBeKept`."""
        return self._set_kept(job_id, now(), by=by, event=EventName.KEPT)

    def keep_no_longer(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Let a job be pruned again; its files expire after their usual time, counted from now."""
        return self._set_kept(job_id, None, by=by, event=EventName.KEPT_NO_LONGER)

    def _prioritise(self, job_id: UUID, priority: int, by: UUID | None) -> Job:
        self._store.get(job_id)
        with writing(self._store.engine) as connection:
            if not _update(connection, job_id, jobs.c.status.in_(UNSTARTED), priority=priority):
                raise NotWaiting(job_id)
            job = self._store.read(connection, job_id)
            detail = str(priority)
            events.insert(connection, events.rows_of([job], EventName.PRIORITISED, actor_id=by, detail=detail))
        return job

    def _set_kept(self, job_id: UUID, at: object, *, by: UUID | None, event: EventName) -> Job:
        job = self._store.get(job_id)
        if job.root_id is not None:
            raise CannotBeKept(job_id, job.root_id)
        is_different = jobs.c.kept_at.is_(None) if at is not None else jobs.c.kept_at.is_not(None)
        with writing(self._store.engine) as connection:
            if _update(connection, job_id, is_different, kept_at=at):
                self._set_expiry(connection, job, kept=at is not None)
                events.insert(connection, events.rows_of([job], event, actor_id=by))
        return self._store.get(job_id)

    def _set_expiry(self, connection: Connection, job: Job, *, kept: bool) -> None:
        lifetime = output_lifetime(self._registry, job.type)
        expires_at: datetime | later | None = None if kept else later(lifetime.total_seconds())
        family = select(jobs.c.id).where(or_(jobs.c.id == job.id, jobs.c.root_id == job.id))
        files = (attachments.c.job_id.in_(family), attachments.c.role == "output", attachments.c.deleted_at.is_(None))
        unexpired = () if not kept else (attachments.c.expires_at > now(),)
        connection.execute(update(attachments).where(*files, *unexpired).values(expires_at=expires_at))


def output_lifetime(registry: Registry, type_name: str) -> timedelta:
    """Return how long output files of a type are stored; 30 days if the type no longer exists."""
    return registry.get(type_name).keep_files if type_name in registry else _UNKNOWN_TYPE_LIFETIME


def _update(connection: Connection, job_id: UUID, condition: ColumnElement[bool], **values: Any) -> bool:
    changed = update(jobs).where(jobs.c.id == job_id, condition).values(**values, version=jobs.c.version + 1)
    return connection.execute(changed).rowcount == 1
