"""Manual start: make one job claimable, whatever its status, in the transaction that claims it.

If the claim is refused, all of this is rolled back. No other process can claim the job in between.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection

from webapp.jobs.definition import disabled_types
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.job_writer import key_conflicts
from webapp.jobs.lifecycle.retry import retry_jobs
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, NotApproved, Status, WaitsForAnswer
from webapp.jobs.store import lock_order, transitions
from webapp.jobs.store.file_store import FileStore
from webapp.jobs.store.job_store import JobStore
from webapp.jobs.store.transitions import Transition
from webapp.schema import jobs

_EARLY: Mapping[Status, Transition] = {Status.SCHEDULED: transitions.promoted, Status.HELD: transitions.released}


class ManualStart:
    """Queues a job for the process that is about to run it."""

    def __init__(self, store: JobStore, registry: Registry, files: FileStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._registry = registry
        self._files = files

    def make_claimable(self, connection: Connection, job_id: UUID) -> UUID:
        """Queue the job and return its id; a completed job is final, so a copy of it is queued and its id returned.

        A failed, stopped or lost job is retried from its checkpoint. Raises `IllegalTransition` for a job that
        runs, waits for its children, or only has children to retry, `NotApproved` for one without the approval
        that it needs, `WaitsForAnswer` for one that waits for an answer, `UnknownJobType`, and what a retry or a copy
        raises.
        """
        lock_order.lock_families(connection, [job_id])
        job = self._store.read(connection, job_id)
        job_type = self._registry.get(job.type)
        disabled_types.refuse_disabled(connection, [job.type])
        if not job.may_run:
            raise NotApproved(job_id)
        if job.waits_for_answer:
            raise WaitsForAnswer(job_id)
        if job.status is Status.COMPLETED:
            return self._copy(connection, job, job_type)
        if job.status in transitions.reopened.sources:
            retry_jobs(connection, [job_id], {job.type: job_type.retry.max_attempts}, by=None)
        elif job.status in _EARLY:
            self._start_early(connection, job)
        status = self._store.read(connection, job_id).status
        if status is not Status.QUEUED:
            raise IllegalTransition(job_id, job.status, Status.RUNNING)
        return job_id

    def _start_early(self, connection: Connection, job: Job) -> None:
        if job.next_key is not None:
            message = f"Job {job.short_id} waits until no other job has the unique key {job.next_key!r}."
            raise BadRequest(message)
        connection.execute(_EARLY[job.status].update(Status.QUEUED, by_id=True).where(jobs.c.id == job.id))

    def _copy(self, connection: Connection, job: Job, job_type: JobType) -> UUID:
        copy = create.new_run_of(job, job_type, self._vault, self._store.now)
        if not copy.may_run:
            message = f"Each run of job {job.short_id} needs approval. Run it again to ask for it."
            raise BadRequest(message)
        inputs = create.link_inputs(connection, job.id, self._files)
        with key_conflicts([copy]):
            create.insert_jobs(connection, self._store, [copy], files=inputs)
        return copy.id
