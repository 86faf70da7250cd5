"""The owner's verbs: create, stop, retry, run again, delete. The row comes first; the wake-up follows its commit.

A crash between the two costs seconds, not the job: the clock tops wake-ups up.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.definition import disabled_types
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.cancel import refuse_if_ended, stop
from webapp.jobs.lifecycle.create import BadRequest, NewJob, place, place_behind
from webapp.jobs.lifecycle.retry import refuse_if_not_retriable, retry
from webapp.jobs.model.job import NO_QUEUE, SYSTEM, Job, Owner, Status
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.store import idempotency_keys
from webapp.jobs.store.fence import LeaseLost
from webapp.jobs.store.file_store import FileStore, StoredFile
from webapp.jobs.store.job_store import Store
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.schema import jobs

Wake = Callable[[str], None]
_TRIES = 10


@dataclass(frozen=True, slots=True)
class JobCreation:
    """A job, and whether this call created it or found the one that its idempotency key or unique key names."""

    job: Job
    created: bool


class Dispatch:
    """Creates jobs and changes what becomes of them, on behalf of their owners."""

    def __init__(self, *, store: Store, registry: Registry, vault: Vault, files: FileStore, wake: Wake) -> None:
        self.store = store
        self.registry = registry
        self._vault = vault
        self._files = files
        self._wake = wake

    def create_job(
        self,
        type_name: str,
        payload: Mapping[str, Any] | BaseModel | None = None,
        *,
        owner: Owner = SYSTEM,
        files: Mapping[str, StoredFile] | None = None,
        run_at: datetime | None = None,
        delay: timedelta | None = None,
        after: Collection[UUID] = (),
        on_finish: bool = False,
        on_duplicate: OnDuplicate | str | None = None,
        request_key: str | None = None,
        dispatch: bool = True,
        **choices: Any,
    ) -> Job:
        """Make a job that a worker will run, and wake one.

        ``files`` fills the payload's uploads by field name. ``run_at`` or ``delay`` let it start
        later, ``after`` when those jobs have completed (with ``on_finish``: however they end).
        ``choices`` are ``triggered_by`` and what overrides the type's: ``title``, ``queue``,
        ``priority``, ``unique_key``, ``tolerant``. Where an unfinished job holds the unique key,
        ``on_duplicate`` (by default the type's) decides: `DuplicateJob` is raised, that job is
        returned, or the new one is held until it has ended. A ``request_key`` that has made a job
        makes no second one: that job is returned.
        Without ``dispatch`` it is only a record: no worker runs it; whatever does its work elsewhere
        says so through `change`.
        Raises `UnknownJobType`, `TypeDisabled`, `UnknownQueue`, `InvalidPayload` or `BadRequest`; then
        nothing is written.
        """
        return self.create_or_find_job(
            type_name,
            payload,
            owner=owner,
            files=lambda: files or {},
            run_at=run_at,
            delay=delay,
            after=after,
            on_finish=on_finish,
            on_duplicate=on_duplicate,
            request_key=request_key,
            dispatch=dispatch,
            **choices,
        ).job

    def create_or_find_job(
        self,
        type_name: str,
        payload: Mapping[str, Any] | BaseModel | None = None,
        *,
        files: Callable[[], Mapping[str, StoredFile]] = dict,
        owner: Owner = SYSTEM,
        run_at: datetime | None = None,
        delay: timedelta | None = None,
        after: Collection[UUID] = (),
        on_finish: bool = False,
        on_duplicate: OnDuplicate | str | None = None,
        request_key: str | None = None,
        dispatch: bool = True,
        **choices: Any,
    ) -> JobCreation:
        """Do the same as `create_job`, and say whether this call created the job.

        ``files`` is called only if ``request_key`` has not created a job yet.
        """
        if (made := idempotency_keys.answered(self.store.engine, request_key)) is not None:
            return JobCreation(self.store.get(made), created=False)
        if not dispatch:
            create.refuse_times(run_at, delay, after)
            choices |= {"queue": NO_QUEUE, "record_only": True}
        inputs = files()
        status = create.status_of(run_at=run_at, delay=delay, held=bool(after))
        kind = self.registry.get(type_name)
        job = create.new_job(
            kind, payload, self._vault, owner=owner, files=inputs, status=status, run_at=run_at, **choices
        )
        self._refuse_unknown(job.queue)
        follows = dict.fromkeys(after, not on_finish)
        new = NewJob(job=job, files=tuple(inputs.values()), delay=delay, after=follows, request_key=request_key)
        try:
            woken = self._write(new, place)
        except IntegrityError:
            if (made := idempotency_keys.answered(self.store.engine, request_key)) is not None:  # just now
                return JobCreation(self.store.get(made), created=False)
            if job.unique_key is None:
                raise
            found = self._duplicate(new, OnDuplicate(on_duplicate or kind.on_duplicate))
            return JobCreation(found, created=found.id == job.id)
        faultpoint("create.wake")
        self._wake_all(woken)
        return JobCreation(self.store.get(job.id), created=True)

    def create_system_job(
        self, type_name: str, payload: Mapping[str, Any] | None = None, *, public: bool = True, **choices: Any
    ) -> Job:
        """Make a job of the system; by default everyone may see it."""
        return self.create_job(type_name, payload, owner=Owner(public=public), **choices)

    def create_user_job(self, type_name: str, payload: Mapping[str, Any] | None, user_id: UUID, **choices: Any) -> Job:
        """Make a job that belongs to one user."""
        return self.create_job(type_name, payload, owner=Owner(user_id=user_id), **choices)

    def create_many(
        self, type_name: str, payloads_: Sequence[Mapping[str, Any]], *, owner: Owner = SYSTEM, **choices: Any
    ) -> tuple[UUID, ...]:
        """Make many jobs of one type in one transaction; return their ids in the order given."""
        if not payloads_:
            return ()
        job_type = self.registry.get(type_name)
        if job_type.unique_key is not None:
            message = f"Jobs of the type {type_name!r} have a unique key: make them one by one."
            raise BadRequest(message)
        model = create.new_job(job_type, payloads_[0], self._vault, owner=owner, files={}, **choices)
        self._refuse_unknown(model.queue)
        stored = [create.stored_payload(job_type, payload, self._vault) for payload in payloads_]
        with writing(self.store.engine) as connection:
            ids = create.insert_alike(connection, model, stored)
        self._wake(model.queue)
        return ids

    def cancel(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Stop a job and its children: waiting ones at once, running ones as soon as they obey.

        Raises `IllegalTransition` for a job that has ended, `JobNotFound` for none.
        """
        refuse_if_ended(job_id, self.store.get(job_id).status)
        self.cancel_many([job_id], by=by)
        return self.store.get(job_id)

    def cancel_many(self, ids: Collection[UUID], *, by: UUID | None = None) -> None:
        """Stop those of the jobs that have not ended, in a few statements however many they are."""
        with writing(self.store.engine) as connection:
            woken = stop(connection, ids, by=by)
        self._wake_all(woken)

    def retry(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Run a failed, stopped or lost job once more, from its checkpoint; see `repeating.retry`.

        Raises `IllegalTransition` for any other one, and for a part of a job that cannot wait for
        it any more; `UniqueKeyTaken` while its key is held; `TypeDisabled`.
        """
        job = self.store.get(job_id)
        refuse_if_not_retriable(job_id, job.status)
        with reading(self.store.engine) as connection:
            disabled_types.refuse_disabled(connection, [job.type])
        self._retry([job_id], by=by)
        return self.store.get(job_id)

    def retry_many(self, ids: Collection[UUID], *, by: UUID | None = None) -> None:
        """Retry those of the jobs that can be."""
        self._retry(ids, by=by, pass_over=True)

    def _retry(self, ids: Collection[UUID], *, by: UUID | None, pass_over: bool = False) -> None:
        tries = {kind.name: kind.retry.max_attempts for kind in self.registry}
        with writing(self.store.engine) as connection:
            woken = retry(connection, ids, tries, by=by, pass_over=pass_over)
        self._wake_all(woken)

    def run_again(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Make a new job with the same payload and files, linked to the old one.

        Raises `DuplicateJob` while an unfinished job holds its unique key.
        """
        old = self.store.get(job_id)
        new = replace(create.afresh(old), triggered_by=by or old.triggered_by)
        with self._unique(new), writing(self.store.engine) as connection:
            files = create.inputs_of(connection, old.id, self._files)
            create.insert_jobs(connection, self.store, [new], files=files)
        self._wake(new.queue)
        return self.store.get(new.id)

    def child_of(self, root: Job, type_name: str, payload: Any, name: str | None, choices: Mapping[str, Any]) -> Job:
        """Return a child of a running job, not yet written; a child of a child is a `BadRequest`."""
        if root.root_id is not None:
            message = "A child cannot have children: jobs have two levels."
            raise BadRequest(message)
        family = {"root_id": root.id, "child_name": name, "triggered_by": root.triggered_by, "status": Status.HELD}
        kind = self.registry.get(type_name)
        return create.new_job(kind, payload, self._vault, owner=root.owner, files={}, **{**choices, **family})

    def add_children(self, root: Job, children: Sequence[Job], *, again: bool = False) -> None:
        """Write children, held, if the attempt still holds the root; else `LeaseLost`.

        One whose name is there already is not made again: an earlier attempt made it. ``again``
        says that the same were to be written before, and the answer was lost. Raises
        `DuplicateJob` where an unfinished job holds the unique key of one.
        """
        with writing(self.store.engine) as connection:
            mine = (jobs.c.id == root.id, jobs.c.attempt == root.attempt, jobs.c.status == "running")
            # locked before its children are read, so that a name is never taken in between
            if connection.execute(select(jobs.c.id).where(*mine).with_for_update(key_share=True)).first() is None:
                raise LeaseLost
            new = _without_known(connection, root, _unwritten(connection, children) if again else children)
            grown = {"parts": jobs.c.parts + len(new), "version": jobs.c.version + 1}
            connection.execute(update(jobs).where(jobs.c.id == root.id).values(**grown))
            if new:
                with self._unique(*new):
                    create.insert_jobs(connection, self.store, new)

    def _write(self, new: NewJob, how: Callable[[Connection, Store, NewJob], set[str]]) -> set[str]:
        with writing(self.store.engine) as connection:
            woken = how(connection, self.store, new)
            faultpoint("create.commit")
        return woken

    def _duplicate(self, new: NewJob, policy: OnDuplicate) -> Job:
        key = new.job.unique_key or ""
        if policy is OnDuplicate.QUEUE_AFTER:
            return self._queue_after(new, key)
        found = self.store.unfinished_with_key(key) if policy is OnDuplicate.RETURN else None
        if found is None:  # not wanted, or it has ended in between
            raise DuplicateJob(key) from None
        return found

    def _queue_after(self, new: NewJob, key: str) -> Job:
        for _ in range(_TRIES):
            with contextlib.suppress(IntegrityError):  # the key was free, and somebody else was faster
                self._wake_all(self._write(new, place_behind))
                return self.store.get(new.job.id)
        raise DuplicateJob(key)

    @staticmethod
    @contextlib.contextmanager
    def _unique(*new: Job) -> Iterator[None]:
        """Say which key it was that the database refused."""
        try:
            yield
        except IntegrityError:
            keys = [job.unique_key for job in new if job.unique_key is not None]
            if not keys:
                raise
            raise DuplicateJob(", ".join(keys)) from None

    def _refuse_unknown(self, queue: str) -> None:
        known = {NO_QUEUE, "default", *(kind.queue for kind in self.registry)}
        if queue not in known and not self.store.has_queue(queue):
            raise UnknownQueue(queue)

    def _wake_all(self, queues: Collection[str]) -> None:
        for queue in sorted(queues):
            self._wake(queue)


def _unwritten(connection: Connection, children: Sequence[Job]) -> list[Job]:
    written = select(jobs.c.id).where(jobs.c.id.in_([child.id for child in children]))
    there = set(connection.execute(written).scalars())
    return [child for child in children if child.id not in there]


def _without_known(connection: Connection, root: Job, children: Sequence[Job]) -> list[Job]:
    names = [child.child_name for child in children if child.child_name is not None]
    known = select(jobs.c.child_name).where(jobs.c.root_id == root.id, jobs.c.child_name.in_(names))
    there = set(connection.execute(known).scalars()) if names else set()
    unique = {child.child_name or child.id: child for child in children}
    return [child for child in unique.values() if child.child_name is None or child.child_name not in there]
