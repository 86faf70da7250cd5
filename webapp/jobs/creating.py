"""Creating: from a request to the value of a new job, checked; and its rows, in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, update
from uuid_utils.compat import uuid7

from webapp.jobs import bulk, disabling, events, payloads, signals, uploads
from webapp.jobs.attachments import add_inputs
from webapp.jobs.files import StoredFile
from webapp.jobs.job import NO_QUEUE, Job, Owner, Status
from webapp.jobs.job_type import InvalidPayload, JobType
from webapp.jobs.store import Store
from webapp.jobs.turns import with_turns
from webapp.jobs.uniqueness import KEY_LIMIT
from webapp.schema import jobs, later

_NO_FILES: Mapping[str, StoredFile] = MappingProxyType({})


class BadRequest(ValueError):
    """What is asked of a new job makes sense; the message is the sentence that says what does not."""


def new_job(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    vault: payloads.Vault,
    *,
    owner: Owner,
    files: Mapping[str, StoredFile],
    **choices: Any,
) -> Job:
    """Return a new job as a value; raises `InvalidPayload` or `BadRequest`."""
    values: dict[str, Any] = {
        "title": job_type.title,
        "queue": job_type.queue,
        "priority": job_type.priority,
        "max_attempts": job_type.retry.max_attempts,
        "status": Status.QUEUED,
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
    disabling.refuse(connection, {job.type for job in new if job.root_id is None})
    if len(new) > 1 and not files and delay is None and bulk.are_alike(new):
        _insert_in_bulk(connection, new[0], [job.id for job in new], [job.payload for job in new])
        return
    store.insert(connection, with_turns(connection, new))
    if delay is not None:
        due = {"run_at": later(delay.total_seconds())}
        connection.execute(update(jobs).where(jobs.c.id.in_([job.id for job in new])).values(**due))
    for job in new:
        add_inputs(connection, job.id, tuple(files))
    events.record(connection, new, events.CREATED, actor_id=new[0].triggered_by)
    signals.note(connection, signals.job_created, [job.id for job in new])


def insert_alike(connection: Connection, model: Job, payloads_: Sequence[dict[str, Any]]) -> tuple[UUID, ...]:
    """Write jobs like ``model`` in one go, each with its own (checked) payload; return their ids in the order given."""
    disabling.refuse(connection, {model.type} if model.root_id is None else ())
    ids = tuple(uuid7() for _ in payloads_)
    _insert_in_bulk(connection, model, ids, payloads_)
    return ids


def stored_payload(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    vault: payloads.Vault,
) -> dict[str, Any]:
    """Return a payload, checked, as its row keeps it; else raise `InvalidPayload`."""
    return _stored(job_type, _checked(job_type, payload, _NO_FILES), vault)


def _stored(job_type: JobType, checked: BaseModel, vault: payloads.Vault) -> dict[str, Any]:
    try:
        return payloads.dump(checked, vault)
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
    [first] = with_turns(connection, [model])
    bulk.insert_alike(connection, first, ids, payloads_)
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
    if refused := uploads.refusals(job_type.payload_class, files):
        raise InvalidPayload(job_type.name, refused)
    return {
        field: {"name": file.name, "size": file.size, "sha256": file.sha256, "media_type": file.media_type}
        for field, file in files.items()
    }
