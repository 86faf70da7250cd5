"""Create jobs: build and check the value of a new job, and insert its rows in one transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, insert, select, update
from uuid_utils.compat import uuid7

from webapp.db.joined_insert import JoinedRow
from webapp.jobs.budgets.admission import admit
from webapp.jobs.definition import disabled_types, titles, upload_rules
from webapp.jobs.definition.job_type import InvalidPayload, JobType
from webapp.jobs.definition.payload import UnreadableSecret, Vault, dump_payload, load_payload
from webapp.jobs.definition.upload_rules import Files
from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.approval import Approval, ApprovalState
from webapp.jobs.model.incoming_text import TITLE_LIMIT, visible_text
from webapp.jobs.model.job import NO_QUEUE, TERMINAL, BadRequest, EventName, Job, Owner, Status
from webapp.jobs.model.rate import BadRateKey
from webapp.jobs.model.tags import clean_tags
from webapp.jobs.model.value_rules import KEY_LIMIT, shown
from webapp.jobs.queueing.fair_share import assign_turns
from webapp.jobs.queueing.single_insert import insert_single, is_insertable
from webapp.jobs.store import bulk_insert, events, idempotency_keys, lock_order, signals, unique_keys
from webapp.jobs.store.attachments import add_inputs
from webapp.jobs.store.file_store import FileStore, StoredFile
from webapp.jobs.store.job_store import JobNotFound, JobStore
from webapp.schema import attachments, dependencies, jobs, later, user_groups

_NO_FILES: Mapping[str, Files] = MappingProxyType({})


class UnknownGroup(BadRequest):
    """Raised when a job is shared with a group that does not exist."""

    def __init__(self, name: str) -> None:
        """Create the message for this name."""
        super().__init__(f"There is no group {name}.")


def new_job(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    vault: Vault,
    *,
    owner: Owner,
    files: Mapping[str, Files],
    now: Callable[[], datetime],
    largest_file: int | None = None,
    status: Status = Status.QUEUED,
    **choices: Any,
) -> Job:
    """Return a new job that is not written yet; raise `InvalidPayload` or `BadRequest`.

    ``now`` returns the database's time; it is called for a job that needs approval.
    ``largest_file`` is the limit for one file in bytes, from which the limits for several files follow.
    """
    values: dict[str, Any] = {"queue": job_type.queue, **_policies_of(job_type), **choices}
    valid = _validated(job_type, payload, files, largest_file)
    stored = _stored(job_type, valid, vault)
    if "title" in values:
        values["title"] = _checked_title(values["title"])
    else:
        values["title"] = titles.title_of(job_type, valid, stored, vault)
    if "tags" in values:
        values["tags"] = clean_tags(values["tags"])
    key = values.get("unique_key")
    values["unique_key"] = _checked_key(job_type.key_of(valid) if key is None else key)
    if not values.get("record_only"):
        values["rate_key"] = rate_key_of(job_type, valid, owner)
    if (values["queue"] == NO_QUEUE) is not bool(values.get("record_only")):
        message = "A record-only job cannot have a queue, and every other job needs one."
        raise BadRequest(message)
    if job_type.needs_approval(valid):
        values |= approval_request(job_type.approval, now)
        status = Status.HELD
    return Job(
        id=uuid7(),
        type=job_type.name,
        status=status,
        owner=owner,
        payload=stored,
        **values,
    )


def approval_request(approval: Approval | None, now: Callable[[], datetime]) -> dict[str, Any]:
    """Return the columns of a job that must be approved before it starts; its status is held."""
    ends_at = now() + (approval or Approval()).expires
    return {"approval": ApprovalState.PENDING.value, "approval_ends_at": ends_at}


def _policies_of(job_type: JobType) -> dict[str, Any]:
    """Return the columns that a new job has from its type, whether it runs for the first time or again."""
    return {
        "priority": job_type.priority,
        "max_attempts": job_type.retry.max_attempts,
        "own_process": job_type.own_process,
    }


def stored_payload(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    vault: Vault,
) -> dict[str, Any]:
    """Return a validated payload in the form in which it is stored; raise `InvalidPayload`."""
    return valid_payload(job_type, payload, vault)[1]


def valid_payload(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    vault: Vault,
) -> tuple[BaseModel, dict[str, Any]]:
    """Return a payload as its class and as it is stored; raise `InvalidPayload`."""
    valid = _validated(job_type, payload, _NO_FILES)
    return valid, _stored(job_type, valid, vault)


def refuse_start_conditions(*conditions: object) -> None:
    """Raise `BadRequest` if a record-only job is to start at a time or after other jobs."""
    if any(conditions):
        message = "A record-only job cannot start at a given time or after other jobs."
        raise BadRequest(message)


def _checked_key(key: str | None) -> str | None:
    """Return a unique key; raise `BadRequest` if the key of the caller or of the type's function cannot be stored."""
    if key is not None and not isinstance(key, str):
        message = f"A unique key must be a text, not {shown(key)}."
        raise BadRequest(message)
    if key is not None and not 0 < len(key) <= KEY_LIMIT:
        message = f"A unique key must have 1 to {KEY_LIMIT} characters, not {len(key)}."
        raise BadRequest(message)
    return key


def rate_key_of(job_type: JobType, payload: BaseModel, owner: Owner) -> str | None:
    """Return the key by which the starts of a new job are counted; raise `BadRequest` if it is none."""
    try:
        return job_type.rate_key_of(payload, owner)
    except BadRateKey as error:
        raise BadRequest(str(error)) from None


def initial_status(*, run_at: object, delay: timedelta | None, held: bool) -> Status:
    """Return the status of a new job: held for other jobs, scheduled, or queued; raise `BadRequest` for two times."""
    if delay is not None and run_at is not None:
        message = "Give run_at or delay, not both."
        raise BadRequest(message)
    if held:
        return Status.HELD
    return Status.QUEUED if run_at is None and delay is None else Status.SCHEDULED


def choices_of_copy(old: Job) -> dict[str, Any]:
    """Return what a job that runs again takes from the old one, besides its input; the rest comes from its type.

    Its priority is that of the type, because an operator may have raised the old one's.
    """
    return {"again_of": old.id, "queue": old.queue, "tolerant": old.tolerant, "tags": old.tags}


def new_run_of(old: Job, job_type: JobType | None, vault: Vault, now: Callable[[], datetime]) -> Job:
    """Return a new job with the same type, owner and payload, linked to the old one. It is not written yet.

    It needs an approval of its own, until when ``now`` decides, the database's time. ``job_type`` is None if this
    process does not know the type.
    """
    policies = {} if job_type is None else _policies_of(job_type)
    approval = _approval_of_copy(old, job_type, vault, now)
    rate = None if job_type is None or old.record_only else job_type.limits.rate
    return Job(
        id=uuid7(),
        type=old.type,
        title=old.title,
        status=Status.HELD if approval else Status.QUEUED,
        owner=old.owner,
        payload=old.payload,
        record_only=old.record_only,
        unique_key=old.unique_key or old.next_key,
        rate_key=rate.key_of_copy(old.type, old.owner, old.rate_key) if rate else None,
        **{"own_process": old.own_process, **policies, **choices_of_copy(old), **approval},
    )


def _approval_of_copy(old: Job, job_type: JobType | None, vault: Vault, now: Callable[[], datetime]) -> dict[str, Any]:
    if job_type is None:
        return approval_request(None, now) if old.approval else {}
    return approval_request(job_type.approval, now) if stored_needs_approval(job_type, old.payload, vault) else {}


def stored_needs_approval(job_type: JobType, stored: Mapping[str, Any], vault: Vault) -> bool:
    """Return whether a job with a stored payload must be approved; one that cannot be read any more must."""
    if job_type.approval is None or job_type.approval.when is None:
        return job_type.approval is not None
    try:
        return job_type.needs_approval(load_payload(job_type, stored, vault))
    except (InvalidPayload, UnreadableSecret):
        return True


def link_inputs(connection: Connection, job_id: UUID, files: FileStore) -> list[StoredFile]:
    """Return the input files of a job as new files that share their bytes on disk."""
    inputs = select(attachments).where(
        attachments.c.job_id == job_id, attachments.c.role == "input", attachments.c.deleted_at.is_(None)
    )
    return [
        StoredFile(id=files.link(row.id), name=row.name, media_type=row.media_type, size=row.size, sha256=row.sha256)
        for row in connection.execute(inputs)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that is not written yet, with its files and its delay.

    ``after`` maps the jobs that must end before this one starts to whether they must complete.
    """

    job: Job
    files: tuple[StoredFile, ...] = ()
    request_key: str | None = None
    delay: timedelta | None = None
    after: Mapping[UUID, bool] = field(default_factory=lambda: MappingProxyType({}))

    def held_behind(self, key_holders: Collection[UUID]) -> "NewJob":
        """Return the job, held until these jobs have ended; it takes its unique key when it is released."""
        held = replace(self.job, status=Status.HELD, unique_key=None, next_key=self.job.unique_key)
        return replace(self, job=held, after={**dict.fromkeys(key_holders, False), **self.after})

    @property
    def is_alone(self) -> bool:
        """Whether it is written without any row besides its own and that of its event."""
        return not (self.files or self.request_key or self.delay is not None or self.after) and is_insertable(self.job)


def insert_new_job(connection: Connection, store: JobStore, new: NewJob) -> tuple[Job, set[str]]:
    """Write a new job with its dependencies; return it, and the queues in which jobs can now be claimed."""
    if new.is_alone:
        return insert_alone(connection, new.job)
    lock_order.lock_dependents(connection, new.after)
    insert_jobs(connection, store, [new.job], files=new.files, delay=new.delay)
    idempotency_keys.record(connection, new.request_key, new.job.id)
    woken = _insert_dependencies(connection, new.job, new.after) if new.after else _queues_of(new.job)
    return store.read(connection, new.job.id), woken  # the database has set its times


def insert_alone(connection: Connection, job: Job, row: JoinedRow | None = None) -> tuple[Job, set[str]]:
    """Write a job that `NewJob.is_alone`, with a single statement on PostgreSQL; return what `insert_new_job` does.

    That statement inserts another ``row`` too. Where jobs are counted, it needs the transaction of a caller.
    """
    admit(connection, [job])
    written = insert_single(connection, job, row)
    signals.send_after_commit(connection, signals.job_created, [job.id])
    return written, _queues_of(job)


def insert_behind_key_holders(connection: Connection, store: JobStore, new: NewJob) -> tuple[Job, set[str]]:
    """Write a new job that starts after all jobs that hold its unique key or wait for it, if there are any.

    The rows of these jobs are locked and then read again, so that none is added or ends meanwhile.
    """
    key = new.job.unique_key or ""
    lock_order.lock_dependents(connection, {*unique_keys.jobs_with_key(connection, key), *new.after})
    key_holders = unique_keys.jobs_with_key(connection, key)
    return insert_new_job(connection, store, new.held_behind(key_holders) if key_holders else new)


def insert_jobs(
    connection: Connection,
    store: JobStore,
    new: Sequence[Job],
    *,
    files: Collection[StoredFile] = (),
    delay: timedelta | None = None,
) -> None:
    """Write new jobs with their turns, first events and input files; raise `TypeDisabled`.

    ``files`` belong to the only job. Raises `BudgetUsedUp`.
    """
    admit(connection, new)
    if new[0].shared_with is not None and new[0].root_id is None:
        require_group(connection, new[0].shared_with)
    if len(new) == 1 and is_insertable(new[0]):
        insert_single(connection, new[0])
    else:
        disabled_types.refuse_disabled(connection, {job.type for job in new if job.root_id is None})
        if not files and delay is None and bulk_insert.are_alike(new):
            _insert_in_bulk(connection, new[0], [job.id for job in new], [job.payload for job in new])
            return
        store.insert(connection, assign_turns(connection, new))
        events.insert(connection, events.rows_of(new, EventName.CREATED, actor_id=new[0].triggered_by))
    if delay is not None:
        due = {"run_at": later(delay.total_seconds())}
        connection.execute(update(jobs).where(jobs.c.id.in_([job.id for job in new])).values(**due))
    for job in new:
        add_inputs(connection, job.id, tuple(files))
    signals.send_after_commit(connection, signals.job_created, [job.id for job in new])


def insert_alike(connection: Connection, model: Job, payloads: Sequence[dict[str, Any]]) -> tuple[UUID, ...]:
    """Write jobs like ``model``, each with its own stored payload; return their ids in the order of the payloads."""
    admit(connection, [model] * len(payloads))
    if model.shared_with is not None:
        require_group(connection, model.shared_with)
    disabled_types.refuse_disabled(connection, {model.type} if model.root_id is None else ())
    ids = tuple(uuid7() for _ in payloads)
    _insert_in_bulk(connection, model, ids, payloads)
    return ids


def require_group(connection: Connection, name: str) -> None:
    """Raise `UnknownGroup` if there is no group of that name; otherwise it stays until the transaction ends."""
    row = select(user_groups.c.id).where(user_groups.c.name == name).with_for_update(read=True, key_share=True)
    if connection.execute(row).first() is None:
        raise UnknownGroup(name)


def _queues_of(job: Job) -> set[str]:
    return {job.queue} if job.status is Status.QUEUED else set()


def _stored(job_type: JobType, payload: BaseModel, vault: Vault) -> dict[str, Any]:
    try:
        return dump_payload(payload, vault)
    except RecursionError:
        raise InvalidPayload(job_type.name, {"": "A payload cannot be nested this deeply."}) from None
    except ValueError as error:
        raise InvalidPayload(job_type.name, {"": str(error)}) from None


def _insert_in_bulk(
    connection: Connection, model: Job, ids: Sequence[UUID], payloads: Sequence[Mapping[str, Any]]
) -> None:
    [first] = assign_turns(connection, [model])
    bulk_insert.insert_alike(connection, first, ids, payloads)
    signals.send_after_commit(connection, signals.job_created, ids)


def _checked_title(title: str) -> str:
    visible = visible_text(title)
    if len(visible) > TITLE_LIMIT:
        message = f"A title can have at most {TITLE_LIMIT} characters, not {len(visible)}."
        raise BadRequest(message)
    return visible


def _validated(
    job_type: JobType,
    payload: Mapping[str, Any] | BaseModel | None,
    files: Mapping[str, Files],
    largest_file: int | None = None,
) -> BaseModel:
    if files and (refused := upload_rules.rejected_uploads(job_type.payload_class, files, largest_file)):
        raise InvalidPayload(job_type.name, refused)
    if isinstance(payload, job_type.payload_class):
        return payload
    values = payload.model_dump() if isinstance(payload, BaseModel) else payload or {}
    return job_type.parse(upload_rules.with_descriptions(job_type.payload_class, values, files), strict=True)


def _insert_dependencies(connection: Connection, job: Job, after: Mapping[UUID, bool]) -> set[str]:
    query = select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(list(after)))
    statuses = {row.id: row.status for row in connection.execute(query)}
    for missing in after.keys() - statuses.keys():
        raise JobNotFound(missing)
    edges = [{"job_id": job.id, "after_id": job_id, "only_on_success": strict} for job_id, strict in after.items()]
    connection.execute(insert(dependencies), edges)
    connection.execute(update(jobs).where(jobs.c.id.in_(list(statuses))).values(has_dependents=True))
    ended = [job_id for job_id, status in statuses.items() if Status(status) in TERMINAL]
    return cascade.release_dependents(connection, ended)
