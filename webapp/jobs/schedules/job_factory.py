"""Creates the job of a schedule: first as a value, then as a row, unless its unique key is held."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from webapp.db.engine import reading
from webapp.jobs.definition import disabled_types
from webapp.jobs.definition.field_specs import upload_specs
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.payload import Vault, load_payload
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.create import NewJob
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.store import unique_keys
from webapp.jobs.store.job_store import JobStore

OwnerNow = Callable[[UUID, str], Owner]
NO_PERMISSION = "The owner of its jobs no longer has permission to start this type of job."
DISABLED = "The account of the owner of its jobs is disabled."


def can_be_scheduled(job_type: JobType) -> bool:
    """Return whether a schedule can start the type: not if it requires a file or the password of a person."""
    needs_file = any(field.required and not field.conditional for field in upload_specs(job_type.payload_class))
    return not needs_file and not job_type.asks_password


class CannotStart(Exception):
    """Raised when a schedule cannot create its job, for example because its job type is gone; the message says why."""


class PreviousRunUnfinished(Exception):
    """Raised when a schedule runs one job at a time and its previous job has not finished."""

    def __init__(self, name: str) -> None:
        """Name the schedule."""
        super().__init__(f"The schedule {name!r} runs one job at a time, and its previous job has not finished.")


class ScheduledJobFactory:
    """Creates the jobs of schedules, one at a time if the schedule or the job type says so."""

    def __init__(self, registry: Registry, vault: Vault, store: JobStore, owner_now: OwnerNow) -> None:
        """Build it; ``owner_now`` takes a user and a job type: the owner as the account is now, or `CannotStart`."""
        self._registry = registry
        self._owner_now = owner_now
        self._vault = vault
        self._store = store

    def make(self, schedule: Schedule, **options: Any) -> Job:
        """Return the schedule's next job, not yet inserted; ``options`` override it. Raises `CannotStart`."""
        try:
            return self._make(schedule, options)
        except Exception as error:  # the checks of a job type can raise anything, and must not stop the clock
            raise CannotStart(_sentence(error)) from error

    def is_refused(self, connection: Connection, schedule: Schedule, job: Job) -> bool:
        """Return whether another job holds the job's unique key or waits for it, and the job must not wait for it."""
        if job.unique_key is None or (self._queues_up(job) and not schedule.one_at_a_time):
            return False
        return unique_keys.first_with_key(connection, job.unique_key) is not None

    def insert(self, connection: Connection, job: Job) -> set[str]:
        """Insert the job; return the queues that now have claimable jobs."""
        insert = create.insert_behind_key_holders if job.unique_key and self._queues_up(job) else create.insert_new_job
        return insert(connection, self._store, NewJob(job=job))[1]

    def _make(self, schedule: Schedule, options: Mapping[str, Any]) -> Job:
        job_type = self._registry.get(schedule.type)
        user_id = schedule.owner.user_id
        owner = self._owner_now(user_id, job_type.name) if user_id else schedule.owner
        with reading(self._store.engine) as connection:
            disabled_types.refuse_disabled(connection, [job_type.name])
        payload = load_payload(job_type, schedule.payload, self._vault)
        key = job_type.key_of(payload) or schedule.unique_key  # the type's own unique key comes first
        own: dict[str, Any] = {
            "title": schedule.name,
            "queue": schedule.queue,
            "priority": schedule.priority,
            "unique_key": key,
        }
        if schedule.tags:
            own["tags"] = schedule.tags
        given = {name: value for name, value in {**own, **options}.items() if value is not None}
        return create.new_job(job_type, payload, self._vault, owner=owner, files={}, now=self._store.now, **given)

    def _queues_up(self, job: Job) -> bool:
        return self._registry.get(job.type).on_duplicate is OnDuplicate.QUEUE_AFTER


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{type(error).__name__}: {text}"
