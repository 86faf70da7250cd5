"""`Jobs`, the service that application code calls to create, change, stop, retry and delete jobs.

A job's row is committed before a worker is woken. A crash between the two delays the job by a few
seconds and does not lose it: the clock repeats missing wake-ups.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import in_next_transaction, reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.approvals import decisions
from webapp.jobs.approvals.expiry import expire_approvals
from webapp.jobs.definition import disabled_types
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.definition.upload_rules import Files, listed
from webapp.jobs.flows.flow import Flow
from webapp.jobs.flows.flow_retry import retry_flow
from webapp.jobs.flows.flow_writer import FlowStart, FlowWriter
from webapp.jobs.lifecycle import create, external_changes, finish_family
from webapp.jobs.lifecycle.attributes import output_lifetime, share_roots
from webapp.jobs.lifecycle.cancel import refuse_if_ended, stop_jobs
from webapp.jobs.lifecycle.create import NewJob
from webapp.jobs.lifecycle.default_owner import FindUser, nobody, with_owner
from webapp.jobs.lifecycle.delete import JobDeleter
from webapp.jobs.lifecycle.job_options import CHILD_CHOICES, check_arguments, check_choices, check_ids
from webapp.jobs.lifecycle.job_writer import JobCreation, JobWriter
from webapp.jobs.lifecycle.optimistic_update import JobUpdater
from webapp.jobs.lifecycle.retry import refuse_if_not_retriable, retry_jobs
from webapp.jobs.model.job import NO_QUEUE, BadRequest, Job, Owner, Status
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.model.rate import CountedBy
from webapp.jobs.model.value_rules import shown
from webapp.jobs.queries.visible_jobs import PAGE, Viewer, VisibleJobs
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.store import idempotency_keys, lock_order
from webapp.jobs.store.attachments import Attachment, Attachments, FileLifetime
from webapp.jobs.store.fence import Fence
from webapp.jobs.store.file_store import Content, FileStore
from webapp.jobs.store.job_store import JobStore
from webapp.jobs.store.unique_keys import DuplicateJob, naming_the_holder
from webapp.schema import users


class Wake(Protocol):
    """Tells workers of a queue that it has jobs to claim."""

    def __call__(self, queue: str, /, rows: int = 1) -> None:
        """Wake one worker, or as many as there are for ``rows`` new jobs."""


class Jobs:
    """Creates, changes, stops, retries and deletes jobs. Every change is one transaction."""

    def __init__(
        self,
        engine: Engine,
        *,
        registry: Registry,
        vault: Vault,
        files: FileStore,
        wake: Wake,
        largest_file: int | None = None,
    ) -> None:
        """Build the service; ``wake`` is called after commits.

        ``largest_file`` is the installation's limit for one upload in bytes, by default none.
        """
        self.engine = engine
        self.largest_file = largest_file
        self.registry = registry
        self.store = JobStore(engine)
        self._vault = vault
        self._files = files
        self._wake = wake
        self._writer = JobWriter(self.store)
        self._updater = JobUpdater(self.store, wake, vault)
        self._deleter = JobDeleter(engine, files)
        self._flow_writer = FlowWriter(self.store, registry, vault, self._refuse_unknown_queue)
        self._queries = VisibleJobs(engine)
        self._attachments = Attachments(engine)
        self._checked_queue: tuple[UUID, str] | None = None  # the root and the queue of the last child
        self.signed_in_user: FindUser = nobody  # the application sets it

    def create_job(
        self,
        type_name: str,
        payload: Mapping[str, Any] | BaseModel | None = None,
        *,
        owner: Owner | None = None,
        files: Mapping[str, Files] | None = None,
        run_at: datetime | None = None,
        delay: timedelta | None = None,
        after: Collection[UUID] = (),
        on_finish: bool = False,
        on_duplicate: OnDuplicate | str | None = None,
        request_key: str | None = None,
        dispatch: bool = True,
        **choices: Any,
    ) -> Job:
        """Create a job and wake a worker for it.

        Without an ``owner``, the job belongs to the signed-in user if this is called in a web request, else (in
        a handler, a command, a script) to the system.
        ``files`` fills the payload's uploads by field name; a ``list[Upload]`` takes a list of files.
        ``run_at`` or ``delay`` start it later, ``after`` starts it when those jobs have completed (with
        ``on_finish``: when they have ended in any way). ``choices`` are ``triggered_by``, ``again_of`` (the
        job that this one repeats) and overrides of the type's defaults: ``title``, ``queue``, ``priority``,
        ``unique_key``, ``max_attempts``, ``tolerant``; ``tags``; and ``shared_with``, the name of a group whose members
        can read the job. Every value is checked. If an unfinished job
        holds the unique key, ``on_duplicate`` (the type's policy by default) decides: raise `DuplicateJob`, return that
        job, or hold the new one until that job has ended. A ``request_key`` is an idempotency key: if it has
        already created a job, that job is returned.
        Without ``dispatch`` the job is record-only: no worker runs it, and the code that does the work
        elsewhere reports it through `change`.
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
        files: Callable[[], Mapping[str, Files]] = dict,
        owner: Owner | None = None,
        run_at: datetime | None = None,
        delay: timedelta | None = None,
        after: Collection[UUID] = (),
        on_finish: bool = False,
        on_duplicate: OnDuplicate | str | None = None,
        request_key: str | None = None,
        dispatch: bool = True,
        record: Callable[[Job], Callable[[Connection], object]] | None = None,
        **choices: Any,
    ) -> JobCreation:
        """Do the same as `create_job`, and say whether this call created the job.

        ``files`` is called only if ``request_key`` has not created a job yet. ``record`` returns what
        is called at the end of the transaction that creates the job, to write about it there (in the audit log).
        """
        owner, choices = with_owner(owner, choices, self.signed_in_user)
        check_arguments(
            type_name=type_name,
            payload=payload,
            owner=owner,
            run_at=run_at,
            delay=delay,
            after=after,
            on_finish=on_finish,
            on_duplicate=on_duplicate,
            request_key=request_key,
            dispatch=dispatch,
        )
        check_choices(choices)
        if (existing := idempotency_keys.find_job_id(self.engine, request_key)) is not None:
            return JobCreation(self.store.get(existing), created=False)
        if not dispatch:
            create.refuse_start_conditions(run_at, delay, after)
            choices |= {"queue": NO_QUEUE, "record_only": True}
        inputs = files()
        check_arguments(files=inputs)
        status = create.initial_status(run_at=run_at, delay=delay, held=bool(after))
        job_type = self.registry.get(type_name)
        job = create.new_job(
            job_type,
            payload,
            self._vault,
            owner=owner,
            files=inputs,
            now=self.store.now,
            largest_file=self.largest_file,
            status=status,
            run_at=run_at,
            **choices,
        )
        self._refuse_unknown_queue(job.queue)
        follows = dict.fromkeys(after, not on_finish)
        all_files = tuple(file for given in inputs.values() for file in listed(given))
        new = NewJob(job=job, files=all_files, delay=delay, after=follows, request_key=request_key)
        recorded = in_next_transaction(record(job)) if record else nullcontext()
        with naming_the_holder(self.engine), recorded:
            written, woken = self._writer.write(new, on_duplicate or job_type.on_duplicate)
        faultpoint("create.wake")
        self._wake_all(woken)
        return JobCreation(written, created=written.id == job.id)

    def create_system_job(
        self, type_name: str, payload: Mapping[str, Any] | None = None, *, public: bool = True, **choices: Any
    ) -> Job:
        """Create a job that belongs to the system; by default everyone can see it."""
        check_arguments(public=public)
        return self.create_job(type_name, payload, owner=Owner(public=public), **choices)

    def create_user_job(self, type_name: str, payload: Mapping[str, Any] | None, user_id: UUID, **choices: Any) -> Job:
        """Create a job that belongs to one user, and to the tenant of that user."""
        check_arguments(user_id=user_id)
        with reading(self.engine) as connection:
            tenant = connection.execute(select(users.c.tenant).where(users.c.id == user_id)).scalar()
        return self.create_job(type_name, payload, owner=Owner(user_id=user_id, tenant=tenant), **choices)

    def create_many(
        self,
        type_name: str,
        payloads: Sequence[Mapping[str, Any]],
        *,
        owner: Owner | None = None,
        dispatch: bool = True,
        **choices: Any,
    ) -> tuple[UUID, ...]:
        """Create many jobs of one type in one transaction; return their ids in the order of the payloads.

        ``choices`` and the default of ``owner`` are those of `create_job`, except ``unique_key``.
        """
        owner, choices = with_owner(owner, choices, self.signed_in_user)
        check_arguments(type_name=type_name, payloads=payloads, owner=owner, dispatch=dispatch)
        check_choices(choices)
        if not payloads:
            return ()
        job_type = self.registry.get(type_name)
        if job_type.unique_key is not None or choices.get("unique_key") is not None:
            message = f"Jobs of the type {type_name!r} have a unique key. Create them one by one."
            raise BadRequest(message)
        if not dispatch:
            choices |= {"queue": NO_QUEUE, "record_only": True}
        model = create.new_job(job_type, payloads[0], self._vault, owner=owner, files={}, now=self.store.now, **choices)
        self._refuse_unknown_queue(model.queue)
        if self._differ(job_type, choices):
            ids = self._create_differing(job_type, payloads, owner=owner, **choices)
        else:
            stored = [create.stored_payload(job_type, payload, self._vault) for payload in payloads]
            with writing(self.engine) as connection:
                ids = create.insert_alike(connection, model, stored)
        if dispatch:
            self._wake(model.queue, len(ids))
        return ids

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
        """Create a child of an unfinished job, with the same owner.

        The child is held until the root's handler has returned, or until `release`. If the root
        already waits for its children, the child is queued at once. A retry of the root's attempt
        deletes held children. If a child of that ``name`` exists, it is returned. ``choices`` are
        ``title``, ``queue``, ``priority``, ``unique_key``, ``max_attempts``, ``tolerant`` and ``run_at``.
        Raises `BadRequest` if the root has ended or is a child itself, and everything that `create_job` raises.
        """
        check_ids(root_id)
        check_arguments(type_name=type_name, name=name, dispatch=dispatch)
        check_choices(choices, CHILD_CHOICES)
        keys: list[str] = []

        def make(root: Job) -> Job:
            child = self.child_of(root, type_name, payload, name, choices, dispatch=dispatch)
            keys.extend(filter(None, [child.unique_key]))
            return child

        try:
            child, woken = external_changes.add_child(self.store, root_id, make)
        except IntegrityError:
            if not keys:
                raise
            with naming_the_holder(self.engine):
                raise DuplicateJob(*keys) from None
        self._wake_all(woken)
        return child

    def child_of(
        self,
        root: Job,
        type_name: str,
        payload: Any,
        name: str | None,
        choices: Mapping[str, Any],
        *,
        dispatch: bool = True,
    ) -> Job:
        """Return a child of a running job, not yet written; raise `BadRequest` for a child of a child."""
        check_arguments(type_name=type_name, payload=payload, name=name)
        check_choices(choices, CHILD_CHOICES)
        if root.root_id is not None:
            message = "A child cannot have children: jobs have two levels."
            raise BadRequest(message)
        recorded = {} if dispatch else {"queue": NO_QUEUE, "record_only": True}
        family = {"root_id": root.id, "child_name": name, "triggered_by": root.triggered_by, "status": Status.HELD}
        if root.shared_with is not None:
            family["shared_with"] = root.shared_with
        job_type = self.registry.get(type_name)
        child = create.new_job(
            job_type,
            payload,
            self._vault,
            owner=root.owner,
            files={},
            now=self.store.now,
            **{**choices, **recorded, **family},
        )
        if (root.id, child.queue) != self._checked_queue:  # one query for thousands of children
            self._refuse_unknown_queue(child.queue)
            self._checked_queue = root.id, child.queue
        return child

    def add_children(self, root: Job, children: Sequence[Job], *, again: bool = False) -> None:
        """Write children that a running attempt has made; see `JobWriter.write_children`."""
        with naming_the_holder(self.engine):
            self._writer.write_children(root, children, again=again)

    def release(self, root_id: UUID) -> None:
        """Start the held children of a job now, in one transaction, while its own handler still runs."""
        check_ids(root_id)
        with writing(self.engine) as connection:
            lock_order.lock_families(connection, [root_id])
            self.store.read(connection, root_id)
            woken = finish_family.release_children(connection, root_id)
        self._wake_all(woken)

    def start_flow(
        self,
        flow: Flow,
        *,
        owner: Owner | None = None,
        triggered_by: UUID | None = None,
        request_key: str | None = None,
        record: Callable[[Connection, UUID], object] | None = None,
    ) -> UUID:
        """Create all jobs of a flow in one transaction, and set its id and theirs; return that of the flow.

        The default of ``owner`` is that of `create_job`. A ``request_key`` that has started a flow starts no second
        one: the ids are those of the first. ``record`` is called with the id at the end of the transaction. Raises
        `InvalidFlow`, `TypeDisabled`, `DuplicateJob` or `BudgetUsedUp`; then nothing is written.
        """
        given = {} if triggered_by is None else {"triggered_by": triggered_by}
        owner, choices = with_owner(owner, given, self.signed_in_user)
        check_arguments(owner=owner, request_key=request_key, by=triggered_by)
        return self._start_flow(flow, FlowStart(owner=owner, request_key=request_key, **choices), record)

    def start_flow_of(self, job: Job, flow: Flow) -> UUID:
        """Start a flow that the handler of a running job has described: once for each job and title.

        The jobs belong to the owner of the job. Raises `LeaseLost` if its attempt no longer holds it.
        """
        fence = Fence(job_id=job.id, attempt=job.attempt)
        key = f"job-{job.id}-{flow.title}"  # the column has room for both
        start = FlowStart(owner=job.owner, triggered_by=job.triggered_by, request_key=key, fence=fence)
        return self._start_flow(flow, start)

    def retry_flow(self, ids: Collection[UUID], *, by: UUID | None = None) -> None:
        """Retry roots that failed or were stopped; those that follow unfinished ones wait for them again."""
        check_ids(*ids)
        check_arguments(by=by)
        with writing(self.engine) as connection:
            woken = retry_flow(connection, ids, self._attempts(), by=by)
        self._wake_all(woken)

    def get(self, job_id: UUID) -> Job:
        """Return any job; raise `JobNotFound`. Pages use `JobQueries.jobs.visible` instead."""
        check_ids(job_id)
        return self.store.get(job_id)

    def find_mine_active(self, viewer: Viewer, limit: int = PAGE, *, with_public: bool = True) -> tuple[Job, ...]:
        """Return unfinished jobs, newest first: the viewer's own, and public ones unless ``with_public`` is false.

        Child jobs are left out; their root counts them.
        """
        check_arguments(limit=limit, with_public=with_public)
        return self._queries.find_mine_active(viewer, limit, with_public=with_public)

    def find_mine_recent(
        self, viewer: Viewer, window: timedelta, limit: int = PAGE, *, with_public: bool = True
    ) -> tuple[Job, ...]:
        """Return the jobs of `find_mine_active`, and those that ended within ``window``, newest first."""
        check_arguments(window=window, limit=limit, with_public=with_public)
        return self._queries.find_mine_recent(viewer, window, limit, with_public=with_public)

    def change(self, job_id: UUID, step: Callable[[Job], Job]) -> Job:
        """Apply ``step`` to the job atomically; return the changed job.

        ``step`` is called again if the row has changed meanwhile, so it must be pure. Raises
        `IllegalTransition`, `BadRequest`, `NotStorable` or `UniqueKeyTaken`; then nothing is written.
        """
        check_ids(job_id)
        check_arguments(step=step)
        with naming_the_holder(self.engine):
            return self._updater.change(job_id, step)

    def persist(self, job: Job) -> Job:
        """Write a changed copy back, as `change` does; raise `StaleJob` if the row has changed since it was read."""
        check_arguments(job=job)
        with naming_the_holder(self.engine):
            return self._updater.persist(job)

    def cancel(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Stop a job and its children: unstarted ones at once, running ones when they respond.

        Raises `IllegalTransition` if the job has ended, `JobNotFound` if it does not exist.
        """
        check_ids(job_id)
        refuse_if_ended(job_id, self.store.get(job_id).status)
        self.cancel_many([job_id], by=by)
        return self.store.get(job_id)

    def cancel_many(self, ids: Collection[UUID], *, by: UUID | None = None) -> None:
        """Stop the unfinished ones of the jobs; the number of statements does not depend on the number of jobs."""
        check_ids(*ids)
        check_arguments(by=by)
        with writing(self.engine) as connection:
            woken = stop_jobs(connection, ids, by=by)
        self._wake_all(woken)

    def retry(self, job_id: UUID, *, by: UUID | None = None) -> Job:
        """Run a failed, stopped or lost job again from its checkpoint; see `retry_jobs`.

        Raises `IllegalTransition` for a job in any other status and for a child whose root cannot
        wait for it any more, `UniqueKeyTaken` while its key is held, and `TypeDisabled`.
        """
        check_ids(job_id)
        job = self.store.get(job_id)
        refuse_if_not_retriable(job)
        with reading(self.engine) as connection:
            disabled_types.refuse_disabled(connection, [job.type])
        self._retry([job_id], by=by)
        return self.store.get(job_id)

    def retry_many(self, ids: Collection[UUID], *, by: UUID | None = None) -> None:
        """Retry the jobs that can be retried; skip the others."""
        self._retry(ids, by=by, pass_over=True)

    def run_again(
        self, job_id: UUID, *, by: UUID | None = None, owner: Owner | None = None, from_step: str | None = None
    ) -> Job:
        """Create a new job with the same payload and files, linked to the old one, with the policies of its type.

        With ``from_step``, the name of a step of the old job, it has the results of the steps before that one, and
        runs the others. Raises `BadRequest` if there is no such step.

        A handler acts with the permissions of its owner, so the copy that a user makes must belong to that user:
        pages pass ``owner``. Without one, the copy belongs to the old owner. Raises `DuplicateJob` while an
        unfinished job holds its unique key.
        """
        check_ids(job_id)
        check_arguments(by=by, **({} if owner is None else {"owner": owner}))
        old = self.store.get(job_id)
        job_type = self.registry.get(old.type) if old.type in self.registry else None
        new = create.new_run_of(old, job_type, self._vault, self.store.now)
        new = replace(new, triggered_by=by or old.triggered_by, owner=owner or old.owner)
        with naming_the_holder(self.engine):
            self._writer.write_copy(new, old.id, self._files, from_step=from_step)
        if new.may_run:
            self._wake(new.queue)
        return self.store.get(new.id)

    def approve(self, job_id: UUID, *, by: UUID, version: int | None = None) -> Job:
        """Approve a job that waits for it, so that it can start; return it.

        Raises `NotWaitingForApproval`, `OwnJob` if the user has started, owns or edited it, `StaleJob` if it no longer
        has the ``version`` that the user has seen. The caller has checked that role and group permit it.
        """
        job, also_self = self._to_decide(job_id, by)
        with writing(self.engine) as connection:
            woken = decisions.approve(connection, self.store, job, by=by, also_self=also_self, version=version)
        faultpoint("approve.wake")
        self._wake_all(woken)
        return self.store.get(job_id)

    def reject(self, job_id: UUID, reason: str, *, by: UUID, version: int | None = None) -> Job:
        """Cancel a job that waits for approval, with a reason that its owner sees; return it.

        Raises what `approve` raises, and `BadRequest` for a reason that is missing or too long.
        """
        job, also_self = self._to_decide(job_id, by)
        with writing(self.engine) as connection:
            woken = decisions.reject(connection, self.store, job, reason, by=by, also_self=also_self, version=version)
        self._wake_all(woken)
        return self.store.get(job_id)

    def expire_approvals(self) -> int:
        """Cancel the jobs that nobody has approved or rejected in time; return how many. The clock calls it."""
        return expire_approvals(self.engine, self._wake)

    def answer(
        self,
        job_id: UUID,
        values: "Mapping[str, Any] | BaseModel",
        *,
        by: UUID | None,
        question_id: UUID | None = None,
    ) -> Job:
        """Answer the question that a job waits for, so that it continues; return the job.

        Raises `InvalidAnswer` if the values do not fit the form of the question, `NoOpenQuestion` if the job waits for
        no answer, or for that of another question than the one with ``question_id``, and `UnknownForm`. Then nothing
        is written. The caller has checked that the user may answer.
        """
        from webapp.jobs.questions import answers  # noqa: PLC0415  (workers answer none)

        check_ids(job_id)
        check_arguments(by=by)
        question, given = answers.checked(self.engine, job_id, values, question_id)
        with writing(self.engine) as connection:
            woken = answers.answer(connection, self.store, question, given, by=by)
        faultpoint("answer.wake")
        self._wake_all(woken)
        return self.store.get(job_id)

    def look_after_questions(self) -> int:
        """Let questions expire, remind of open ones; return how many have expired. The clock calls it."""
        from webapp.jobs.questions.expiry import look_after_questions  # noqa: PLC0415  (only the clock)

        return look_after_questions(self.engine, self._wake)

    def delete(self, job_id: UUID, *, by: UUID | None = None) -> None:
        """Delete a finished job with its children and files; raise `CannotBeDeleted` or `JobNotFound`."""
        check_ids(job_id)
        check_arguments(by=by)
        self._deleter.delete(job_id, by=by)

    def delete_many(self, ids: Collection[UUID], *, by: UUID | None = None) -> int:
        """Delete the jobs that can be deleted; return the number of deleted rows, children included."""
        check_ids(*ids)
        check_arguments(by=by)
        return self._deleter.delete_many(ids, by=by)

    def share_many(self, ids: Collection[UUID], group: str | None, *, by: UUID | None = None) -> None:
        """Let the members of a group read roots and their children; without a group, share them no longer.

        Children among ``ids`` are skipped: they are shared with their root. Raises `UnknownGroup`.
        """
        check_ids(*ids)
        check_arguments(by=by)
        with writing(self.engine) as connection:
            share_roots(connection, ids, group, by=by)

    def prune(self, older_than: timedelta, *, only_count: bool = False) -> int:
        """Delete jobs that ended longer ago than ``older_than``; return how many. ``only_count`` deletes nothing.

        ``older_than`` must be longer than zero, so that no call deletes every ended job by mistake.
        """
        check_arguments(older_than=older_than, only_count=only_count)
        return self._deleter.prune(older_than, only_count=only_count)

    def attachments(self, job_id: UUID) -> tuple[Attachment, ...]:
        """Return the files of a job that have not been removed, oldest first."""
        check_ids(job_id)
        return self._attachments.attachments(job_id)

    def attachment(self, job_id: UUID, file_id: UUID) -> Attachment:
        """Return one file of a job, even if it was removed; raise `AttachmentNotFound`."""
        check_ids(job_id)
        return self._attachments.attachment(job_id, file_id)

    def add_attachment(
        self,
        job_id: UUID,
        name: str,
        content: Content,
        media_type: str | None = None,
        *,
        keep: timedelta | None = None,
    ) -> Attachment:
        """Add an output file to a job, from a text, bytes or a stream, completely or not at all.

        ``keep`` and the rule of names are those of `JobContext.attach`. Raises `JobNotFound`.
        """
        check_ids(job_id)
        check_arguments(file_name=name, content=content, media_type=media_type, keep=keep)
        lifetime = FileLifetime(output_lifetime(self.registry, self.store.get(job_id).type), keep)
        file = self._files.receive(content, name, media_type=media_type)
        external_changes.add_file(self.store, self._files, job_id, file, lifetime)
        return self.attachment(job_id, file.id)

    def remove_attachments(self, job_id: UUID) -> int:
        """Remove a job's output files and return how many; input files stay until the job is deleted."""
        check_ids(job_id)
        return external_changes.remove_files(self.store, self._files, job_id)

    def _to_decide(self, job_id: UUID, by: UUID) -> tuple[Job, bool]:
        check_ids(job_id)
        check_arguments(user_id=by)
        job = self.store.get(job_id)
        approval = self.registry.get(job.type).approval if job.type in self.registry else None
        return job, approval is not None and approval.also_self

    def _differ(self, job_type: JobType, choices: Mapping[str, Any]) -> bool:
        """Return whether the payload decides about more than itself: the title, the approval or the key of the rate."""
        approval, rate = job_type.approval, job_type.limits.rate
        return (
            (job_type.titles_its_jobs and "title" not in choices)
            or (approval is not None and approval.when is not None)
            or (rate is not None and rate.counted_by is CountedBy.KEY)
        )

    def _create_differing(
        self, job_type: JobType, payloads: Sequence[Mapping[str, Any]], **choices: Any
    ) -> tuple[UUID, ...]:
        """Create jobs that `_differ`, with as many statements as jobs that are alike."""
        now = cache(self.store.now)  # jobs that differ in it would be written one by one
        new = [create.new_job(job_type, payload, self._vault, files={}, now=now, **choices) for payload in payloads]
        with writing(self.engine) as connection:
            create.insert_jobs(connection, self.store, new)
        return tuple(job.id for job in new)

    def _retry(self, ids: Collection[UUID], *, by: UUID | None, pass_over: bool = False) -> None:
        check_ids(*ids)
        check_arguments(by=by)
        with naming_the_holder(self.engine), writing(self.engine) as connection:
            woken = retry_jobs(connection, ids, self._attempts(), by=by, pass_over=pass_over)
        self._wake_all(woken)

    def _attempts(self) -> Mapping[str, int]:
        return {job_type.name: job_type.retry.max_attempts for job_type in self.registry}

    def _start_flow(
        self, flow: Flow, start: FlowStart, record: Callable[[Connection, UUID], object] | None = None
    ) -> UUID:
        if not isinstance(flow, Flow):
            message = f"flow must be a Flow, not {shown(flow)}."
            raise BadRequest(message)
        with naming_the_holder(self.engine):
            written = self._flow_writer.write(flow, start, record)
        faultpoint("flow.wake")
        for queue, rows in written.queues:
            self._wake(queue, rows)
        return written.id

    def _refuse_unknown_queue(self, queue: str) -> None:
        known = (NO_QUEUE, "default", *self.registry.queues)
        if queue not in known and not self.store.has_queue(queue):
            raise UnknownQueue(queue)

    def _wake_all(self, queues: Collection[str]) -> None:
        for queue in sorted(queues):
            self._wake(queue)
