"""Creating: from a request to the value of a new job, checked; and its rows, in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, insert, select, update
from uuid_utils.compat import uuid7

from webapp.jobs import aftermath, events, payloads
from webapp.jobs.attachments import add_inputs
from webapp.jobs.files import StoredFile
from webapp.jobs.job import TERMINAL, Job, Owner, Status
from webapp.jobs.job_type import InvalidPayload, JobType
from webapp.jobs.store import JobNotFound, Store
from webapp.jobs.turns import with_turns
from webapp.schema import dependencies, jobs, later


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
    checked = _checked(job_type, payload, files)
    values: dict[str, Any] = {
        "title": job_type.title,
        "queue": job_type.queue,
        "priority": job_type.priority,
        "max_attempts": job_type.retry.max_attempts,
        "status": Status.QUEUED,
        **choices,
    }
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
    """Write new jobs with their turns, their first event, and one job's files."""
    store.insert(connection, with_turns(connection, new))
    if delay is not None:
        due = {"run_at": later(delay.total_seconds())}
        connection.execute(update(jobs).where(jobs.c.id.in_([job.id for job in new])).values(**due))
    for job in new:
        add_inputs(connection, job.id, tuple(files))
    events.record(connection, new, events.CREATED, actor_id=new[0].triggered_by)


def depend(connection: Connection, job: Job, after: Collection[UUID], *, on_finish: bool) -> set[str]:
    """Let a held job follow others; return the queues in which work waits now, if they have ended already.

    Their rows are locked first, so that one of them ends before this or sees it.
    """
    there = select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(after)).order_by(jobs.c.id).with_for_update()
    found = {row.id: row.status for row in connection.execute(there)}
    for missing in set(after) - set(found):
        raise JobNotFound(missing)
    edges = [{"job_id": job.id, "after_id": one, "only_on_success": not on_finish} for one in found]
    connection.execute(insert(dependencies), edges)
    connection.execute(update(jobs).where(jobs.c.id.in_(list(found))).values(has_dependents=True))
    ended = [one for one, status in found.items() if Status(status) in TERMINAL]
    return aftermath.follow_dependents(connection, ended)


def status_of(*, run_at: object, delay: timedelta | None, held: bool) -> Status:
    """Tell how a new job begins: held for others, scheduled for later, or queued."""
    if delay is not None and delay < timedelta(0):
        message = "A job cannot start in the past: its delay is negative."
        raise BadRequest(message)
    if held:
        return Status.HELD
    return Status.QUEUED if run_at is None and delay is None else Status.SCHEDULED


def _checked(
    job_type: JobType, payload: Mapping[str, Any] | BaseModel | None, files: Mapping[str, StoredFile]
) -> BaseModel:
    if isinstance(payload, job_type.payload_class):
        return payload
    values = payload.model_dump() if isinstance(payload, BaseModel) else dict(payload or {})
    described = {
        field: {"name": file.name, "size": file.size, "sha256": file.sha256, "media_type": file.media_type}
        for field, file in files.items()
    }
    return job_type.parse({**values, **described}, strict=True)


def _stored(job_type: JobType, payload: BaseModel, vault: payloads.Vault) -> dict[str, Any]:
    try:
        return payloads.dump(payload, vault)
    except ValueError as error:
        raise InvalidPayload(job_type.name, {"": str(error)}) from None
