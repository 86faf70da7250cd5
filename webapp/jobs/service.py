"""Jobs: all that application code asks of jobs, in one object: the reads and the owner's verbs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import writing
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle import external_changes, finish_family
from webapp.jobs.lifecycle.attributes import Keeping, Steering
from webapp.jobs.lifecycle.delete import Removing
from webapp.jobs.lifecycle.operations import Dispatch, Wake
from webapp.jobs.lifecycle.optimistic_update import Changing
from webapp.jobs.model.job import NO_QUEUE, Job
from webapp.jobs.queries.all_jobs import AllJobs
from webapp.jobs.queries.change_tag import JobChangeTags
from webapp.jobs.queries.log_lines import JobLogs
from webapp.jobs.queries.pagination import JobPages
from webapp.jobs.queries.related_jobs import RelatedJobQueries
from webapp.jobs.queries.visible_jobs import VisibleJobs
from webapp.jobs.queueing.start_estimate import StartEstimates
from webapp.jobs.store import lock_order
from webapp.jobs.store.attachments import Attachment, Attachments
from webapp.jobs.store.file_store import FileStore
from webapp.jobs.store.job_store import Store

_UNKNOWN_KEEP = timedelta(days=30)  # for files of a type that is gone


class Jobs(
    Dispatch,
    VisibleJobs,
    JobPages,
    StartEstimates,
    JobChangeTags,
    RelatedJobQueries,
    JobLogs,
    AllJobs,
    Attachments,
    Removing,
    Keeping,
    Steering,
):
    """What `services.jobs` is: reads of several kinds, and the verbs of those who create, change and remove jobs."""

    def __init__(self, engine: Engine, *, registry: Registry, vault: Vault, files: FileStore, wake: Wake) -> None:
        self.engine = engine
        Dispatch.__init__(self, store=Store(engine), registry=registry, vault=vault, files=files, wake=wake)
        Keeping.__init__(self, self.store, self._kept_for)
        self._changing = Changing(self.store, wake)

    def get(self, job_id: UUID) -> Job:
        """Return any job; else raise `JobNotFound`. Pages ask for `visible` instead."""
        return self.store.get(job_id)

    def change(self, job_id: UUID, step: Callable[[Job], Job]) -> Job:
        """Apply a pure ``step`` atomically; see `Changing.change`."""
        return self._changing.change(job_id, step)

    def persist(self, job: Job) -> Job:
        """Write a changed copy back; raise `StaleJob` if the row has moved on."""
        return self._changing.persist(job)

    def create_child_job(
        self,
        root_id: UUID,
        type_name: str,
        payload: Any = None,
        *,
        name: str | None = None,
        dispatch: bool = True,
        **choices: Any,
    ) -> Job:
        """Make a part of a job that has not ended, for the same owner.

        It is held until the root's own part is done, or `release`; of a root that waits for its
        parts it is queued at once. An attempt of the root that is tried again forgets held parts.
        Where a part of that ``name`` is there, that one is returned. Raises `BadRequest` for a
        root that has ended or is a part itself, and what `create_job` raises.
        """
        if not dispatch:
            choices |= {"queue": NO_QUEUE, "record_only": True}
        try:
            child, woken = external_changes.add_child(
                self.store, root_id, lambda root: self.child_of(root, type_name, payload, name, choices)
            )
        except IntegrityError:
            there = self.store.child_named(root_id, name) if name is not None else None
            if there is None:
                raise
            return there
        self._wake_all(woken)
        return child

    def release(self, root_id: UUID) -> None:
        """Let the held parts of a job start now, all in one transaction, while its own part goes on."""
        with writing(self.engine) as connection:
            lock_order.lock_families(connection, [root_id])
            self.store.read(connection, root_id)
            woken = finish_family.release_children(connection, root_id)
        self._wake_all(woken)

    def add_attachment(
        self, job_id: UUID, name: str, content: bytes | BinaryIO, media_type: str | None = None
    ) -> Attachment:
        """Leave a file at a job, from bytes or streamed; whole or not at all. Raises `JobNotFound`."""
        keep = self._kept_for(self.store.get(job_id).type)
        file = external_changes.received(self._files, name, content, media_type)
        external_changes.add_file(self.store, self._files, job_id, file, keep.total_seconds())
        return self.attachment(job_id, file.id)

    def remove_attachments(self, job_id: UUID) -> int:
        """Remove the files that a job left, and return how many; what it was given goes with the job itself."""
        return external_changes.remove_files(self.store, self._files, job_id)

    def _kept_for(self, type_name: str) -> timedelta:
        return self.registry.get(type_name).keep_files if type_name in self.registry else _UNKNOWN_KEEP
