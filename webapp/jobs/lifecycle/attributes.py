"""Changes of a job that leave its status: priority, visibility, tags, pinning, and the group that it is shared with."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Float, and_, case, cast, func, literal, or_, select, true, update

from webapp.db.engine import reading, writing
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.job_options import check_arguments
from webapp.jobs.model.job import BadRequest, EventName, IllegalTransition, Job, Status, short_id
from webapp.jobs.model.policies import FIRST_PRIORITY
from webapp.jobs.model.tags import TAGS, clean_tags
from webapp.jobs.queueing.claim import QUEUED
from webapp.jobs.store import events, lock_order
from webapp.jobs.store.job_store import JobStore
from webapp.jobs.store.transitions import UNSTARTED
from webapp.schema import attachments, jobs, later, now

_UNKNOWN_TYPE_LIFETIME = timedelta(days=30)
_UNSHARED_AT_ONCE = 500


class PriorityNotChangeable(IllegalTransition, BadRequest):
    """Raised when the priority of a job that has started or ended is changed."""

    def __init__(self, job_id: UUID) -> None:
        """Name the job."""
        Exception.__init__(self, f"Job {short_id(job_id)} has started or ended, so its priority cannot change.")


class NotASystemJob(IllegalTransition):
    """Raised when a job that belongs to a user is made public."""

    def __init__(self, job_id: UUID) -> None:
        """Name the job."""
        Exception.__init__(self, f"Job {short_id(job_id)} belongs to a user, so it cannot be public.")


class CannotBePinned(IllegalTransition):
    """Raised when a child job is pinned: it is kept and deleted with its root."""

    def __init__(self, job_id: UUID, root_id: UUID) -> None:
        """Name the child and its root."""
        child, root = short_id(job_id), short_id(root_id)
        Exception.__init__(self, f"Job {child} is a child of job {root} and is deleted with it. Keep that job instead.")


class CannotBeShared(IllegalTransition):
    """Raised when a child job is shared: it is shared with its root."""

    def __init__(self, job_id: UUID, root_id: UUID) -> None:
        """Name the child and its root."""
        child, root = short_id(job_id), short_id(root_id)
        Exception.__init__(self, f"Job {child} is a child of job {root} and is shared with it. Share that job instead.")


class AdminJobs:
    """Changes of a job's priority, visibility, tags and protection from pruning, each with its event."""

    def __init__(self, store: JobStore, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def set_priority(self, job_id: UUID, priority: int, *, by: UUID | None = None) -> Job:
        """Set the priority of an unstarted job; higher runs first. Raises `PriorityNotChangeable`."""
        check_arguments(priority=priority)
        return self._set_priority(job_id, priority, by)

    def run_next(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Move an unstarted job to the front of its queue; a scheduled one is due. Raises `PriorityNotChangeable`."""
        queue = self._store.get(job_id).queue
        above = select(func.coalesce(func.max(jobs.c.priority), 0)).where(
            jobs.c.queue == queue, QUEUED, jobs.c.id != job_id
        )
        with self._store.engine.connect() as connection:
            highest: int = connection.execute(above).scalar_one()
        own = self._store.get(job_id).priority
        priority = min(max(highest + 1, own), max(own, FIRST_PRIORITY - 1))
        return self._set_priority(job_id, priority, by, due_now=True)

    def set_public(self, job_id: UUID, *, public: bool, by: UUID | None = None) -> Job:
        """Show a job of the system to everyone, or hide it. Raises `NotASystemJob`."""
        check_arguments(public=public)
        self._store.get(job_id)
        of_the_system = jobs.c.owner_id.is_(None)
        with writing(self._store.engine) as connection:
            if not _update(connection, job_id, of_the_system, public=public):
                raise NotASystemJob(job_id)
            job = self._store.read(connection, job_id)
            name = EventName.MADE_PUBLIC if public else EventName.MADE_PRIVATE
            events.insert(connection, events.rows_of([job], name, actor_id=by))
        return job

    def set_tags(self, job_id: UUID, tags: Collection[str], *, by: UUID | None = None) -> Job:
        """Replace the tags of a job, in any status; raise `BadRequest`. The same tags change nothing."""
        if objection := TAGS.objection("tags", tags):
            raise BadRequest(objection)
        new = clean_tags(tags)
        with writing(self._store.engine) as connection:
            job = self._store.read(connection, job_id)
            if job.tags == new:
                return job
            _update(connection, job_id, true(), tags=list(new) or None)
            job = self._store.read(connection, job_id)
            events.insert(connection, events.rows_of([job], EventName.TAGGED, actor_id=by, detail=", ".join(job.tags)))
        return job

    def share(self, job_id: UUID, group: str | None, *, by: UUID | None = None) -> Job:
        """Let the members of a group, and of no other, read a root and its children; without one, share it no longer.

        Raises `UnknownGroup` or `CannotBeShared`. The same group changes nothing.
        """
        with writing(self._store.engine) as connection:
            if group is not None:
                create.require_group(connection, group)
            lock_order.lock_families(connection, [job_id])  # no child is added meanwhile
            job = self._store.read(connection, job_id)
            if job.root_id is not None:
                raise CannotBeShared(job_id, job.root_id)
            if job.shared_with == group:
                return job
            _share(connection, or_(jobs.c.id == job_id, jobs.c.root_id == job_id), group)
            name, detail = (EventName.SHARED, group) if group else (EventName.UNSHARED, job.shared_with)
            events.insert(connection, events.rows_of([job], name, actor_id=by, detail=detail or ""))
            return self._store.read(connection, job_id)

    def unshare_all(self, group: str) -> None:
        """Share the jobs that are shared with a group no longer, some in each transaction."""
        shared = select(jobs.c.id).where(jobs.c.shared_with == group).limit(_UNSHARED_AT_ONCE)
        with reading(self._store.engine) as connection:
            ids = connection.execute(shared).scalars().all()
        while ids:
            with writing(self._store.engine) as connection:
                lock_order.lock_families(connection, ids)
                still = (jobs.c.id.in_(ids), jobs.c.shared_with == group)
                roots = connection.execute(select(jobs.c.id, jobs.c.attempt).where(*still, jobs.c.root_id.is_(None)))
                events.insert(connection, events.rows_of(roots.all(), EventName.UNSHARED, detail=group))
                _share(connection, and_(*still), None)
                ids = connection.execute(shared).scalars().all()

    def pin(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Protect a job and its files from pruning; pinning it twice changes nothing. Raises `CannotBePinned`."""
        return self._set_pinned(job_id, now(), by=by, event=EventName.KEPT)

    def unpin(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Let a job be pruned again; its files expire after their usual time, counted from now."""
        return self._set_pinned(job_id, None, by=by, event=EventName.KEPT_NO_LONGER)

    def _set_priority(self, job_id: UUID, priority: int, by: UUID | None, *, due_now: bool = False) -> Job:
        self._store.get(job_id)
        is_scheduled = jobs.c.status == Status.SCHEDULED.value
        due = {"run_at": case((is_scheduled, now()), else_=jobs.c.run_at)} if due_now else {}
        with writing(self._store.engine) as connection:
            if not _update(connection, job_id, jobs.c.status.in_(UNSTARTED), priority=priority, **due):
                raise PriorityNotChangeable(job_id)
            job = self._store.read(connection, job_id)
            detail = str(priority)
            events.insert(connection, events.rows_of([job], EventName.PRIORITISED, actor_id=by, detail=detail))
        return job

    def _set_pinned(self, job_id: UUID, at: object, *, by: UUID | None, event: EventName) -> Job:
        job = self._store.get(job_id)
        if job.root_id is not None:
            raise CannotBePinned(job_id, job.root_id)
        needs_change = jobs.c.kept_at.is_(None) if at is not None else jobs.c.kept_at.is_not(None)
        with writing(self._store.engine) as connection:
            if _update(connection, job_id, needs_change, kept_at=at):
                self._set_expiry(connection, job, pinned=at is not None)
                events.insert(connection, events.rows_of([job], event, actor_id=by))
        return self._store.get(job_id)

    def _set_expiry(self, connection: Connection, job: Job, *, pinned: bool) -> None:
        usual = literal(output_lifetime(self._registry, job.type).total_seconds(), Float)
        lifetime = func.coalesce(cast(attachments.c.keep_seconds, Float), usual)
        expires_at: datetime | later | None = None if pinned else later(lifetime)
        family = select(jobs.c.id).where(or_(jobs.c.id == job.id, jobs.c.root_id == job.id))
        files = (attachments.c.job_id.in_(family), attachments.c.role == "output", attachments.c.deleted_at.is_(None))
        unexpired = () if not pinned else (attachments.c.expires_at > now(),)
        connection.execute(update(attachments).where(*files, *unexpired).values(expires_at=expires_at))


def share_roots(connection: Connection, ids: Collection[UUID], group: str | None, *, by: UUID | None) -> None:
    """Share roots and their children with a group, or with none, each with its event; skip children.

    Raises `UnknownGroup`. The number of statements does not depend on the number of jobs.
    """
    if group is not None:
        create.require_group(connection, group)
    lock_order.lock_families(connection, ids)
    is_changed = (jobs.c.id.in_(ids), jobs.c.root_id.is_(None), jobs.c.shared_with.is_distinct_from(group))
    changed = connection.execute(select(jobs.c.id, jobs.c.attempt, jobs.c.shared_with).where(*is_changed)).all()
    if not changed:
        return
    roots = [job.id for job in changed]
    _share(connection, or_(jobs.c.id.in_(roots), jobs.c.root_id.in_(roots)), group)
    if group is not None:
        events.insert(connection, events.rows_of(changed, EventName.SHARED, actor_id=by, detail=group))
        return
    for job in changed:
        events.insert(connection, events.rows_of([job], EventName.UNSHARED, actor_id=by, detail=job.shared_with))


def output_lifetime(registry: Registry, type_name: str) -> timedelta:
    """Return how long output files of a type are stored; 30 days if the type no longer exists."""
    return registry.get(type_name).keep_files if type_name in registry else _UNKNOWN_TYPE_LIFETIME


def _share(connection: Connection, condition: ColumnElement[bool], group: str | None) -> None:
    connection.execute(update(jobs).where(condition).values(shared_with=group, version=jobs.c.version + 1))


def _update(connection: Connection, job_id: UUID, condition: ColumnElement[bool], **values: Any) -> bool:
    changed = update(jobs).where(jobs.c.id == job_id, condition).values(**values, version=jobs.c.version + 1)
    return connection.execute(changed).rowcount == 1
