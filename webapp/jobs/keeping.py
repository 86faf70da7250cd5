"""Keeping: a job that somebody keeps is removed by hand only, and so are its files."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, or_, select, update

from webapp.database import writing
from webapp.jobs import events
from webapp.jobs.job import IllegalTransition, Job, short_id
from webapp.jobs.store import Store
from webapp.schema import attachments, jobs, later, now

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
