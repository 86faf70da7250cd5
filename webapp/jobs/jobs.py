"""Jobs: all that application code asks of jobs, in one object: the reads and the owner's verbs."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Engine

from webapp.jobs.attachments import Attachments
from webapp.jobs.dispatch import Dispatch, Wake
from webapp.jobs.files import FileStore
from webapp.jobs.job import Job
from webapp.jobs.job_type import Registry
from webapp.jobs.payloads import Vault
from webapp.jobs.queries import Queries
from webapp.jobs.store import Store


class Jobs(Dispatch, Queries, Attachments):
    """What `services.jobs` is. Reads come from `Queries` and `Attachments`, verbs from `Dispatch`."""

    def __init__(self, engine: Engine, *, registry: Registry, vault: Vault, files: FileStore, wake: Wake) -> None:
        self.engine = engine
        Dispatch.__init__(self, store=Store(engine), registry=registry, vault=vault, files=files, wake=wake)

    def get(self, job_id: UUID) -> Job:
        """Return any job; else raise `JobNotFound`. Pages ask for `visible` instead."""
        return self.store.get(job_id)

    def change(self, job_id: UUID, step: Callable[[Job], Job]) -> Job:
        """Apply a pure ``step`` atomically; see `Store.change`."""
        return self.store.change(job_id, step)

    def persist(self, job: Job) -> Job:
        """Write a changed copy back; raise `StaleJob` if the row has moved on."""
        return self.store.persist(job)
