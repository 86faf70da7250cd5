"""Job rows: insert, read, and `swap`, the compare-and-swap of optimistic updates.

The row is the only record of a job.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, bindparam, insert, select, update

from webapp.db.engine import reading
from webapp.db.prepared_statement import PreparedStatement
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.store import transitions, unique_keys
from webapp.schema import database_time, jobs, now, queues

_OWNER = {"owner_id", "public", "tenant"}
_PLAIN = tuple(f.name for f in fields(Job) if f.name not in {"owner", "metadata", "tags"})
_COPIED = tuple(name for name in _PLAIN if name not in {"status", "warnings", "errors"})
_copied_values = itemgetter(*_COPIED)
_setters: Mapping[str, Callable[[Job, Any], None]] = {f.name: vars(Job)[f.name].__set__ for f in fields(Job)}
_set_copied = tuple(_setters[name] for name in _COPIED)
_all_values, _set_all = attrgetter(*_setters), tuple(_setters.values())
_DATABASE_TIMES = ("created_at",)
_READ = PreparedStatement(select(jobs).where(jobs.c.id == bindparam("wanted_id")))


class JobNotFound(Exception):
    """Raised when the job does not exist or is not visible to the caller."""

    def __init__(self, job_id: object) -> None:
        """Name the requested id."""
        super().__init__(f"There is no job {job_id}.")


class StaleJob(Exception):
    """Raised when the row has changed since the copy that is written back was read."""

    def __init__(self, job: Job) -> None:
        """Name the job and the version of the copy."""
        super().__init__(f"Job {job.short_id} has changed since version {job.version} was read.")


class JobStore:
    """The jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def insert(self, connection: Connection, new: Sequence[Job]) -> None:
        """Insert jobs in the caller's transaction; ``created_at`` is the database's time."""
        connection.execute(insert(jobs).values(created_at=now()), [to_row(job) for job in new])

    def now(self) -> datetime:
        """Return the database's time, from which all times of jobs are taken."""
        with reading(self.engine) as connection:
            return database_time(connection)

    def get(self, job_id: UUID) -> Job:
        """Return the job; raise `JobNotFound`."""
        with reading(self.engine) as connection:
            return self.read(connection, job_id)

    def read(self, connection: Connection, job_id: UUID) -> Job:
        """Return the job as the caller's transaction sees it; raise `JobNotFound`."""
        row = _READ.first(connection, {"wanted_id": job_id})
        if row is None:
            raise JobNotFound(job_id)
        return to_job(row)

    def unfinished_with_key(self, unique_key: str) -> Job | None:
        """Return the unfinished job that holds a unique key, or the first that waits for it, if there is one."""
        with reading(self.engine) as connection:
            job_id = unique_keys.first_with_key(connection, unique_key)
            row = None if job_id is None else _READ.first(connection, {"wanted_id": job_id})
        return to_job(row) if row else None

    def has_queue(self, name: str) -> bool:
        """Return whether a queue of that name was created or configured."""
        with reading(self.engine) as connection:
            return connection.execute(select(queues.c.name).where(queues.c.name == name)).first() is not None

    def child_named(self, connection: Connection, root_id: UUID, name: str) -> Job | None:
        """Return the child of that name as the caller's transaction sees it, if the root has one."""
        wanted = select(jobs).where(jobs.c.root_id == root_id, jobs.c.child_name == name)
        row = connection.execute(wanted).mappings().first()
        return to_job(row) if row else None

    def named_children(self, root_id: UUID) -> dict[str, UUID]:
        """Return the ids of a root's named children, by name."""
        named = select(jobs.c.child_name, jobs.c.id).where(jobs.c.root_id == root_id, jobs.c.child_name.is_not(None))
        with reading(self.engine) as connection:
            return {row.child_name: row.id for row in connection.execute(named)}

    def swap(self, connection: Connection, old: Job, new: Job) -> bool:
        """Write the differences between two values of a job; return False if its version has changed.

        Raises `IllegalTransition` if the table of moves does not have the change of status.
        """
        values = _differences(old, new)
        if new.status is old.status:
            statement = update(jobs).where(jobs.c.status == old.status).values(**values, version=jobs.c.version + 1)
        else:
            statement = transitions.changed(old.id, old.status, new.status).update(by_id=True, **values)
        unchanged = (jobs.c.id == old.id, jobs.c.version == old.version)
        return connection.execute(statement.where(*unchanged)).rowcount == 1


def to_job(row: RowMapping | Mapping[str, Any]) -> Job:
    """Return the job in a row.

    Every claim does this. So the slots are filled one by one: calling the class with its fifty arguments takes twice
    as long.
    """
    job = Job.__new__(Job)
    for set_value, value in zip(_set_copied, _copied_values(row), strict=True):
        set_value(job, value)
    _setters["owner"](job, _owner(row["owner_id"], row["public"], row["tenant"]))
    _setters["status"](job, Status(row["status"]))
    _setters["warnings"](job, tuple(row["warnings"]))
    _setters["errors"](job, tuple(row["errors"]))
    _setters["metadata"](job, row["metadata"])
    _setters["tags"](job, tuple(row["tags"] or ()))
    job.__post_init__()
    return job


def with_values(job: Job, values: Mapping[str, Any]) -> Job:
    """Return a copy of a job with other values, as `dataclasses.replace` does; every creation needs one.

    This takes half as long, for the reason that `to_job` gives.
    """
    copy = Job.__new__(Job)
    for set_value, value in zip(_set_all, _all_values(job), strict=True):
        set_value(copy, value)
    for name, value in values.items():
        _setters[name](copy, value)
    copy.__post_init__()
    return copy


@lru_cache(maxsize=256, typed=True)
def _owner(user_id: UUID | None, public: bool, tenant: str | None) -> Owner:  # noqa: FBT001  (of a row)
    return Owner(user_id=user_id, public=public, tenant=tenant)


def to_row(job: Job) -> dict[str, Any]:
    """Return the row of a new job; the database sets its times."""
    values: dict[str, Any] = {name: getattr(job, name) for name in _PLAIN if name not in _DATABASE_TIMES}
    values.update(
        owner_id=job.owner.user_id,
        public=job.owner.public,
        tenant=job.owner.tenant,
        status=job.status.value,
        payload=dict(job.payload),
        warnings=list(job.warnings),
        errors=list(job.errors),
        metadata=dict(job.metadata),
        state=dict(job.state),
        tags=list(job.tags) or None,
    )
    return values


def _differences(old: Job, new: Job) -> dict[str, Any]:
    before, after = to_row(old), to_row(replace(new, id=old.id, version=old.version))
    changed: dict[str, Any] = {name: value for name, value in after.items() if before[name] != value}
    changed.pop("status", None)  # the transition sets it
    if new.is_finished and not old.is_finished:
        changed["finished_at"] = now()
    if old.next_key and new.status in {Status.QUEUED, Status.SCHEDULED}:
        changed |= {"unique_key": old.next_key, "next_key": None}
    if old.is_running and not new.is_running:
        changed["lease_id"] = None
    if new.is_running and not old.is_running:
        changed["started_at"] = now()
    if new.is_running and new.record_only:
        changed["heartbeat_at"] = now()  # a change counts as a heartbeat
    if old.is_finished and not new.is_finished:
        changed |= {"finished_at": None, "cancel_requested_at": None, "cancel_kind": None}
    return changed
