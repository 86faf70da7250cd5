"""Creating: from a request to the value of a new job, checked; and its rows, in one transaction.

Placing: one new job's rows in one transaction, with what it follows, and its place behind its unique key.

Copying: what a new job takes over from the one that it repeats.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, insert, select, update
from uuid_utils.compat import uuid7

from webapp.jobs.definition import disabled_types, upload_rules
from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.definition.payload import Vault, dump_payload
from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.job import NO_QUEUE, TERMINAL, EventName, Job, Owner, Status
from webapp.jobs.queueing.fair_share import assign_turns
from webapp.jobs.store import bulk_insert, events, idempotency_keys, lock_order, signals, unique_keys
from webapp.jobs.store.attachments import add_inputs
from webapp.jobs.store.file_store import FileStore, StoredFile
from webapp.jobs.store.job_store import JobNotFound, Store
from webapp.jobs.store.unique_keys import KEY_LIMIT
from webapp.schema import attachments, dependencies, jobs, later

_NO_FILES: Mapping[str, StoredFile] = MappingProxyType({})


class BadRequest(ValueError):
    """What is asked of a new job makes sense; the message is the sentence that says what does not."""


def new_job(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    vault: Vault,
    *,
    owner: Owner,
    files: Mapping[str, StoredFile],
    status: Status = Status.QUEUED,
    **choices: Any,
) -> Job:
    """Return a new job as a value; raises `InvalidPayload` or `BadRequest`."""
    values: dict[str, Any] = {
        "title": job_type.title,
        "queue": job_type.queue,
        "priority": job_type.priority,
        "max_attempts": job_type.retry.max_attempts,
        **choices,
    }
    checked = _checked(job_type, payload, files)
    key = values.get("unique_key")
    values["unique_key"] = _good_key(job_type.key_of(checked) if key is None else key)
    if (values["queue"] == NO_QUEUE) is not bool(values.get("record_only")):
        message = "A job that workers run waits in a queue with a name, and a record-only job in none."
        raise BadRequest(message)
    return Job(
        id=uuid7(),
        type=job_type.name,
        status=status,
        owner=owner,
        payload=_stored(job_type, checked, vault),
        own_process=job_type.own_process,
        **values,
    )


def insert_jobs(
    connection: Connection,
    store: Store,
    new: Sequence[Job],
    *,
    files: Collection[StoredFile] = (),
    delay: timedelta | None = None,
) -> None:
    """Write new jobs with their turns, their first event, and one job's files; `TypeDisabled` if their type is."""
    disabled_types.refuse_disabled(connection, {job.type for job in new if job.root_id is None})
    if len(new) > 1 and not files and delay is None and bulk_insert.are_alike(new):
        _insert_in_bulk(connection, new[0], [job.id for job in new], [job.payload for job in new])
        return
    store.insert(connection, assign_turns(connection, new))
    if delay is not None:
        due = {"run_at": later(delay.total_seconds())}
        connection.execute(update(jobs).where(jobs.c.id.in_([job.id for job in new])).values(**due))
    for job in new:
        add_inputs(connection, job.id, tuple(files))
    events.insert(connection, events.rows_of(new, EventName.CREATED, actor_id=new[0].triggered_by))
    signals.note(connection, signals.job_created, [job.id for job in new])


def insert_alike(connection: Connection, model: Job, payloads_: Sequence[dict[str, Any]]) -> tuple[UUID, ...]:
    """Write jobs like ``model`` in one go, each with its own (checked) payload; return their ids in the order given."""
    disabled_types.refuse_disabled(connection, {model.type} if model.root_id is None else ())
    ids = tuple(uuid7() for _ in payloads_)
    _insert_in_bulk(connection, model, ids, payloads_)
    return ids


def stored_payload(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    vault: Vault,
) -> dict[str, Any]:
    """Return a payload, checked, as its row keeps it; else raise `InvalidPayload`."""
    return _stored(job_type, _checked(job_type, payload, _NO_FILES), vault)


def _stored(job_type: JobType, checked: BaseModel, vault: Vault) -> dict[str, Any]:
    try:
        return dump_payload(checked, vault)
    except ValueError as error:
        raise InvalidPayload(job_type.name, {"": str(error)}) from None


def refuse_times(*given: object) -> None:
    """Raise `BadRequest` for a record-only job that shall start by itself, later or after others."""
    if any(given):
        message = "A record-only job starts when whoever does its work says so: not at a time, and not after others."
        raise BadRequest(message)


def status_of(*, run_at: object, delay: timedelta | None, held: bool) -> Status:
    """Tell how a new job begins: held for others, scheduled for later, or queued."""
    if delay is not None and delay < timedelta(0):
        message = "A job cannot start in the past: its delay is negative."
        raise BadRequest(message)
    if held:
        return Status.HELD
    return Status.QUEUED if run_at is None and delay is None else Status.SCHEDULED


def _insert_in_bulk(
    connection: Connection, model: Job, ids: Sequence[UUID], payloads_: Sequence[Mapping[str, Any]]
) -> None:
    [first] = assign_turns(connection, [model])
    bulk_insert.insert_alike(connection, first, ids, payloads_)
    signals.note(connection, signals.job_created, ids)


def _good_key(key: str | None) -> str | None:
    if key is not None and not 0 < len(key) <= KEY_LIMIT:
        message = f"A unique key has 1 to {KEY_LIMIT} characters, not {len(key)}."
        raise BadRequest(message)
    return key


def _checked(
    job_type: JobType, payload: Mapping[str, Any] | BaseModel | None, files: Mapping[str, StoredFile]
) -> BaseModel:
    described = _described(job_type, files) if files else {}
    if isinstance(payload, job_type.payload_class):
        return payload
    values = payload.model_dump() if isinstance(payload, BaseModel) else payload or {}
    return job_type.parse({**values, **described}, strict=True)


def _described(job_type: JobType, files: Mapping[str, StoredFile]) -> dict[str, Any]:
    """Return what a payload says of its files; raise `InvalidPayload` for one that its field does not take."""
    if refused := upload_rules.rejected_uploads(job_type.payload_class, files):
        raise InvalidPayload(job_type.name, refused)
    return {
        field: {"name": file.name, "size": file.size, "sha256": file.sha256, "media_type": file.media_type}
        for field, file in files.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that is not written yet, with its files and its delay.

    ``after`` are the jobs that it follows; of each, whether only its success lets this one start.
    """

    job: Job
    files: tuple[StoredFile, ...] = ()
    request_key: str | None = None
    delay: timedelta | None = None
    after: Mapping[UUID, bool] = field(default_factory=lambda: MappingProxyType({}))

    def behind(self, line: Collection[UUID]) -> "NewJob":
        """Return it held until the jobs have ended, to take its unique key then."""
        held = replace(self.job, status=Status.HELD, unique_key=None, next_key=self.job.unique_key)
        return replace(self, job=held, after={**dict.fromkeys(line, False), **self.after})


def place(connection: Connection, store: Store, new: NewJob) -> set[str]:
    """Write a new job; return the queues in which work waits now. What it follows is locked first."""
    lock_order.lock_followers(connection, new.after)
    insert_jobs(connection, store, [new.job], files=new.files, delay=new.delay)
    idempotency_keys.note(connection, new.request_key, new.job.id)
    if new.after:
        return _depend(connection, new.job, new.after)
    return {new.job.queue} if new.job.status is Status.QUEUED else set()


def place_behind(connection: Connection, store: Store, new: NewJob) -> set[str]:
    """Write a new job behind all that hold its unique key or wait for it; as any other if nobody does.

    Their rows are locked before the line is read: nobody leaves it or joins it meanwhile.
    """
    key = new.job.unique_key or ""
    lock_order.lock_followers(connection, {*unique_keys.line_of(connection, key), *new.after})
    line = unique_keys.line_of(connection, key)
    return place(connection, store, new.behind(line) if line else new)


def _depend(connection: Connection, job: Job, after: Mapping[UUID, bool]) -> set[str]:
    there = select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(list(after)))
    found = {row.id: row.status for row in connection.execute(there)}
    for missing in after.keys() - found.keys():
        raise JobNotFound(missing)
    edges = [{"job_id": job.id, "after_id": one, "only_on_success": strictly} for one, strictly in after.items()]
    connection.execute(insert(dependencies), edges)
    connection.execute(update(jobs).where(jobs.c.id.in_(list(found))).values(has_dependents=True))
    ended = [one for one, status in found.items() if Status(status) in TERMINAL]
    return cascade.follow_dependents(connection, ended)


def afresh(old: Job) -> Job:
    """Return a new job of the same kind, for the same owner, with the same payload, linked to the old one."""
    return Job(
        id=uuid7(),
        type=old.type,
        title=old.title,
        status=Status.QUEUED,
        owner=old.owner,
        payload=old.payload,
        priority=old.priority,
        queue=old.queue,
        own_process=old.own_process,
        record_only=old.record_only,
        tolerant=old.tolerant,
        max_attempts=max(1, old.max_attempts - max(0, old.attempt - 1)),
        unique_key=old.unique_key or old.next_key,
        again_of=old.id,
    )


def inputs_of(connection: Connection, job_id: UUID, files: FileStore) -> list[StoredFile]:
    """Return the files that a job was given, each as a second name of the same bytes on disk."""
    given = select(attachments).where(
        attachments.c.job_id == job_id, attachments.c.role == "input", attachments.c.deleted_at.is_(None)
    )
    return [
        StoredFile(id=files.link(row.id), name=row.name, media_type=row.media_type, size=row.size, sha256=row.sha256)
        for row in connection.execute(given)
    ]
