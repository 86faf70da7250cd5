"""Edits a waiting job in one guarded write.

The write names the version that was read and the statuses before the start, so a job that is claimed meanwhile is
not changed, and nothing of the edit is written.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, update

from webapp.db.engine import writing
from webapp.fault_injection import faultpoint
from webapp.jobs.definition import titles
from webapp.jobs.definition.field_specs import ABSENT, leaf_specs
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.payload import Vault, is_secret, load_payload
from webapp.jobs.definition.registry import Registry, UnknownJobType
from webapp.jobs.definition.upload_rules import with_value
from webapp.jobs.editing.job_edit import FIELDS, JobEdit
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.job_options import CHILD_CHOICES, check_choices
from webapp.jobs.lifecycle.job_writer import key_conflicts
from webapp.jobs.model.job import BadRequest, EventName, IllegalTransition, Job, Status, short_id
from webapp.jobs.model.tags import clean_tags
from webapp.jobs.queueing.fair_share import assign_turns
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.store import events
from webapp.jobs.store.job_store import JobStore, StaleJob
from webapp.jobs.store.transitions import UNSTARTED, held_for_approval, postponed
from webapp.jobs.store.unique_keys import naming_the_holder
from webapp.schema import jobs, now

Wake = Callable[[str], object]
Record = Callable[[Connection, Job, Job], object]


class NotEditable(IllegalTransition):
    """Raised when a job has started or ended, also while it is edited."""

    def __init__(self, job_id: UUID) -> None:
        """Name the job."""
        Exception.__init__(self, f"Job {short_id(job_id)} has started or ended, so it cannot be edited any more.")


class JobEditor:
    """Edits the waiting jobs of one database; ``queue_exists`` knows the queues, ``wake`` is called after commits."""

    def __init__(
        self, store: JobStore, *, registry: Registry, vault: Vault, queue_exists: Callable[[str], bool], wake: Wake
    ) -> None:
        self._store = store
        self._registry = registry
        self._vault = vault
        self._queue_exists = queue_exists
        self._wake = wake

    def edit(
        self, job_id: UUID, edit: JobEdit, *, by: UUID | None = None, record: Record | None = None
    ) -> tuple[Job, Job]:
        """Apply an edit; return the job before and after it, which are the same if nothing differs.

        A job with another input needs a new approval, if its type asks for one.

        ``record`` is called with both at the end of the transaction, to write about the edit in the audit log.
        Raises `NotEditable`, `StaleJob`, `InvalidPayload`, `UnknownQueue`, `DuplicateJob` or `BadRequest`; then
        nothing is written.
        """
        old = self._store.get(job_id)
        self._refuse(old, edit)
        new = self._edited(old, edit)
        due_now = edit.start_now and old.status is Status.SCHEDULED
        if not due_now and all(getattr(new, name) == getattr(old, name) for name in FIELDS):
            return old, old
        with naming_the_holder(self._store.engine), key_conflicts([new]), writing(self._store.engine) as connection:
            self._write(connection, old, new, due_now=due_now, by=by)
            after = self._store.read(connection, job_id)
            names = ", ".join(name for name in FIELDS if getattr(after, name) != getattr(old, name))
            events.insert(connection, events.rows_of([after], EventName.EDITED, actor_id=by, detail=names))
            if record is not None:
                record(connection, old, after)
            faultpoint("edit.commit")
        if after.status is Status.QUEUED and after.queue != old.queue:
            self._wake(after.queue)
        return old, after

    def input_refusal(self, job: Job) -> str:
        """Return why the input of a waiting job cannot change; empty if it can."""
        if job.root_id is not None:
            return f"Job {job.short_id} is a child job, so its input comes from its parent job."
        if job.attempt:
            return f"Job {job.short_id} has run before, so its input cannot change. Run it again with other input."
        if job.type not in self._registry:
            return str(UnknownJobType(job.type))
        if not self._registry.get(job.type).listed:
            return "A page of its own starts jobs of this type, so their input cannot change."
        if self._registry.get(job.type).asks_password:
            return "This job type asks for a password, so the input of its jobs cannot change. Start a new job."
        return ""

    def _refuse(self, job: Job, edit: JobEdit) -> None:
        if not job.is_new or job.waits_for_answer:
            raise NotEditable(job.id)
        if edit.version not in {None, job.version}:
            raise StaleJob(replace(job, version=edit.version or 0))
        if job.record_only:
            message = f"Job {job.short_id} is record-only: its work is done elsewhere, so it cannot be edited."
            raise BadRequest(message)
        if edit.run_at is not None and edit.start_now:
            message = "Give a start time, or start now, not both."
            raise BadRequest(message)
        given = {"queue": edit.queue, "priority": edit.priority, "tags": edit.tags, "run_at": edit.run_at}
        check_choices({name: value for name, value in given.items() if value is not None}, CHILD_CHOICES)
        if edit.queue is not None and not self._queue_exists(edit.queue):
            raise UnknownQueue(edit.queue)

    def _edited(self, old: Job, edit: JobEdit) -> Job:
        """Return the job as it will be, apart from its turn and its status."""
        given: dict[str, Any] = {"queue": edit.queue, "priority": edit.priority, "run_at": edit.run_at}
        new = replace(old, **{name: value for name, value in given.items() if value is not None})
        if edit.start_now and old.status is not Status.SCHEDULED:
            new = replace(new, run_at=None)
        if edit.tags is not None:
            new = replace(new, tags=clean_tags(edit.tags))
        return new if edit.payload is None else self._with_payload(new, edit.payload)

    def _with_payload(self, job: Job, payload: Mapping[str, Any] | BaseModel) -> Job:
        if refusal := self.input_refusal(job):
            raise BadRequest(refusal)
        job_type = self._registry.get(job.type)
        values = payload.model_dump() if isinstance(payload, BaseModel) else payload
        whole = self._with_kept_values(job_type, values, job.payload)
        valid, stored = create.valid_payload(job_type, whole, self._vault)
        stored = self._with_kept_ciphertexts(job_type, stored, job.payload)
        if stored == job.payload:
            return job
        changed = replace(job, payload=stored, rate_key=create.rate_key_of(job_type, valid, job.owner))
        if job.waits_for_approval or job_type.needs_approval(valid):
            changed = replace(changed, **create.approval_request(job_type.approval, self._store.now))
        elif job.approval is not None:  # it was approved with its input of before, and needs no approval with this one
            changed = replace(changed, approval=None, approval_ends_at=None)
        before = load_payload(job_type, job.payload, self._vault)
        if job.title == titles.title_of(job_type, before, job.payload, self._vault):
            changed = replace(changed, title=titles.title_of(job_type, valid, stored, self._vault))
        key, new_key = job_type.key_of(before), job_type.key_of(valid)
        if key == new_key or key not in {job.unique_key, job.next_key}:
            return changed
        if job.next_key is not None:
            message = f"Job {job.short_id} waits for another job with its unique key, so its input cannot change."
            raise BadRequest(message)
        return replace(changed, unique_key=new_key)

    def _with_kept_values(
        self, job_type: JobType, values: Mapping[str, Any], stored: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values with the files of the job, and with its secrets where no other value is given."""
        for spec in leaf_specs(job_type.payload_class):
            kept, given = spec.value_in(stored), spec.value_in(values)
            if spec.is_upload and kept is not ABSENT:
                values = with_value(values, spec.path or (spec.name,), kept)
            elif is_secret(kept) and (given is ABSENT or is_secret(given)):
                values = with_value(values, spec.path or (spec.name,), self._vault.decrypt(kept))
        return values

    def _with_kept_ciphertexts(self, job_type: JobType, new: dict[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload with the ciphertexts of secrets that stay the same, so that they do not seem to change."""
        for spec in leaf_specs(job_type.payload_class):
            kept, given = spec.value_in(old), spec.value_in(new)
            if is_secret(kept) and is_secret(given) and self._vault.decrypt(kept) == self._vault.decrypt(given):
                new = with_value(new, spec.path or (spec.name,), kept)
        return new

    def _write(self, connection: Connection, old: Job, new: Job, *, due_now: bool, by: UUID | None) -> None:
        names = ("payload", "title", "unique_key", "run_at", "rate_key")
        values: dict[str, Any] = {name: getattr(new, name) for name in names}
        values |= {"queue": new.queue, "priority": new.priority, "tags": list(new.tags) or None}
        if (new.queue, new.priority) != (old.queue, old.priority):
            [turned] = assign_turns(connection, [new])
            values["fair"] = turned.fair
        if new.payload != old.payload:
            values |= {"approval": new.approval, "approval_ends_at": new.approval_ends_at, "edited_by": by}
        if due_now or (old.waits_for_rate and new.rate_key != old.rate_key):
            values["run_at"] = now()
        if old.status is not Status.HELD and not new.may_run:
            statement = held_for_approval.update(**values)
        elif old.status is Status.QUEUED and new.run_at is not None and new.run_at != old.run_at:
            statement = postponed.update(**values)
        else:
            statement = update(jobs).where(jobs.c.status.in_(UNSTARTED)).values(**values, version=jobs.c.version + 1)
        if connection.execute(statement.where(jobs.c.id == old.id, jobs.c.version == old.version)).rowcount != 1:
            if not self._store.read(connection, old.id).is_new:
                raise NotEditable(old.id)
            raise StaleJob(old)
