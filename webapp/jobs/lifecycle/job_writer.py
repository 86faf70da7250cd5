"""Write new jobs and children, each in one transaction, and apply the policy for duplicate unique keys."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import is_sqlite, taking_joined_row, writing, writing_autocommit
from webapp.fault_injection import faultpoint
from webapp.jobs.budgets.admission import counts
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.create import NewJob
from webapp.jobs.model.job import BadRequest, Job
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.store import idempotency_keys, step_rows
from webapp.jobs.store.fence import LeaseLost
from webapp.jobs.store.file_store import FileStore
from webapp.jobs.store.job_store import JobStore
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import jobs

_TRIES = 10


@dataclass(frozen=True, slots=True)
class JobCreation:
    """A job, and whether this call created it or found the one that its idempotency key or unique key names."""

    job: Job
    created: bool


class JobWriter:
    """Writes new jobs to one database. It wakes no worker: the caller does, after the commit."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def write(self, new: NewJob, on_duplicate: OnDuplicate | str) -> tuple[Job, set[str]]:
        """Write a new job; return it and the queues in which jobs may be claimed now.

        If the request key has already created a job, or ``on_duplicate`` says to return the job that
        holds the unique key, nothing is written and the existing job is returned. Raises
        `DuplicateJob`.
        """
        try:
            return self._write(new)
        except IntegrityError:
            created = idempotency_keys.find_job_id(self._store.engine, new.request_key)  # by a concurrent request
            if created is not None:
                return self._store.get(created), set()
            if new.job.unique_key is None:
                raise
            return self._resolve_duplicate(new, new.job.unique_key, OnDuplicate(on_duplicate))

    def write_copy(self, new: Job, original_id: UUID, files: FileStore, *, from_step: str | None = None) -> None:
        """Write a new job with the input files of another one, and with its steps before ``from_step``.

        Raises `DuplicateJob` if its key is held, and `BadRequest` if there is no such step.
        """
        with key_conflicts([new]), writing(self._store.engine) as connection:
            inputs = create.link_inputs(connection, original_id, files)
            create.insert_jobs(connection, self._store, [new], files=inputs)
            if from_step is not None:
                step_rows.copy_before(connection, original_id, new.id, _place_of(connection, original_id, from_step))

    def write_children(self, root: Job, children: Sequence[Job], *, again: bool = False) -> None:
        """Write held children if the attempt still holds the root; otherwise raise `LeaseLost`.

        A child whose name exists is skipped: an earlier attempt created it. ``again`` repeats a call
        whose answer was lost. Raises `DuplicateJob` if an unfinished job holds a child's unique key.
        """
        with writing(self._store.engine) as connection:
            running = (jobs.c.id == root.id, jobs.c.attempt == root.attempt, jobs.c.status == "running")
            # locked before its children are read, so that no name can be taken in between
            held = select(jobs.c.shared_with).where(*running).with_for_update(key_share=True)
            if (row := connection.execute(held).first()) is None:
                raise LeaseLost
            missing = _without_written(connection, children) if again else children
            new = _without_known_names(connection, root, missing)
            grown = {"parts": jobs.c.parts + len(new), "version": jobs.c.version + 1}
            connection.execute(update(jobs).where(jobs.c.id == root.id).values(**grown))
            if new:
                if row.shared_with != root.shared_with:  # the attempt has read its job before
                    new = [replace(child, shared_with=row.shared_with) for child in new]
                with key_conflicts(new):
                    create.insert_jobs(connection, self._store, new)

    def _write(self, new: NewJob) -> tuple[Job, set[str]]:
        if new.is_alone and not is_sqlite(self._store.engine) and not counts(self._store.engine, new.job):
            faultpoint("create.commit")  # with the statement
            with taking_joined_row() as row, writing_autocommit(self._store.engine) as connection:
                return create.insert_alone(connection, new.job, row)
        with writing(self._store.engine) as connection:
            written = create.insert_new_job(connection, self._store, new)
            faultpoint("create.commit")
        return written

    def _write_behind(self, new: NewJob) -> tuple[Job, set[str]]:
        with writing(self._store.engine) as connection:
            written = create.insert_behind_key_holders(connection, self._store, new)
            faultpoint("create.commit")
        return written

    def _resolve_duplicate(self, new: NewJob, key: str, policy: OnDuplicate) -> tuple[Job, set[str]]:
        if policy is OnDuplicate.QUEUE_AFTER:
            return self._queue_after(new, key)
        holder = self._store.unfinished_with_key(key) if policy is OnDuplicate.RETURN else None
        if holder is None:  # rejected by policy, or the holder has finished meanwhile
            raise DuplicateJob(key) from None
        return holder, set()

    def _queue_after(self, new: NewJob, key: str) -> tuple[Job, set[str]]:
        for _ in range(_TRIES):
            with contextlib.suppress(IntegrityError):  # the key was free, and a concurrent request took it
                return self._write_behind(new)
        raise DuplicateJob(key)


@contextlib.contextmanager
def key_conflicts(new: Sequence[Job]) -> Iterator[None]:
    """Turn a unique violation into a `DuplicateJob` that names the keys."""
    try:
        yield
    except IntegrityError:
        keys = [job.unique_key for job in new if job.unique_key is not None]
        if not keys:
            raise
        raise DuplicateJob(*keys) from None


def _without_written(connection: Connection, children: Sequence[Job]) -> list[Job]:
    query = select(jobs.c.id).where(jobs.c.id.in_([child.id for child in children]))
    written = set(connection.execute(query).scalars())
    return [child for child in children if child.id not in written]


def _without_known_names(connection: Connection, root: Job, children: Sequence[Job]) -> list[Job]:
    names = [child.child_name for child in children if child.child_name is not None]
    query = select(jobs.c.child_name).where(jobs.c.root_id == root.id, jobs.c.child_name.in_(names))
    known = set(connection.execute(query).scalars()) if names else set()
    unique = {child.child_name or child.id: child for child in children}
    return [child for child in unique.values() if child.child_name is None or child.child_name not in known]


def _place_of(connection: Connection, job_id: UUID, name: str) -> int:
    steps = step_rows.steps_of(connection, job_id)
    for step in steps:
        if step.name == name:
            return step.place
    known = ", ".join(f"“{step.name}”" for step in steps) or "none"
    message = f"The job has no step “{name[: step_rows.NAME_LIMIT]}”. Its steps: {known}."
    raise BadRequest(message)
