"""Creates the job of a schedule: first as a value, then as a row, unless its unique key is held."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from webapp.db.engine import reading
from webapp.jobs.definition import disabled_types
from webapp.jobs.definition.payload import Vault, load_payload
from webapp.jobs.definition.registry import Registry
from webapp.jobs.lifecycle import create
from webapp.jobs.lifecycle.create import NewJob
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import OnDuplicate
from webapp.jobs.schedules import run_records
from webapp.jobs.schedules.schedule import Schedule
from webapp.jobs.store.job_store import JobStore

MayStart = Callable[[UUID, str], bool]  # whether a user can start jobs of a type now


_NO_PERMISSION = "The owner of its jobs no longer has permission to start this type of job."


class CannotStart(Exception):
    """Raised when a schedule cannot create its job, for example because its job type is gone; the message says why."""


class PreviousRunUnfinished(Exception):
    """Raised when a schedule runs one job at a time and its previous job has not finished."""

    def __init__(self, name: str) -> None:
        """Name the schedule."""
        super().__init__(f"The schedule {name!r} runs one job at a time, and its previous job has not finished.")


class ScheduledJobFactory:
    """Creates the jobs of schedules, one at a time if the schedule or the job type says so."""

    def __init__(self, registry: Registry, vault: Vault, store: JobStore, may_start: MayStart) -> None:
        self._registry = registry
        self._may_start = may_start
        self._vault = vault
        self._store = store

    def make(self, schedule: Schedule, **options: Any) -> Job:
        """Return the schedule's next job, not yet inserted; ``options`` override it. Raises `CannotStart`."""
        try:
            return self._make(schedule, options)
        except Exception as error:  # the checks of a job type can raise anything, and must not stop the clock
            raise CannotStart(_sentence(error)) from error

    def is_refused(self, connection: Connection, schedule: Schedule, job: Job) -> bool:
        """Return whether the job's unique key is held and the job must not wait for it."""
        waits = self._queues_up(job) and not schedule.one_at_a_time
        return job.unique_key is not None and not waits and run_records.is_key_held(connection, job.unique_key)

    def insert(self, connection: Connection, job: Job) -> set[str]:
        """Insert the job; return the queues that now have claimable jobs."""
        insert = create.insert_behind_key_holders if job.unique_key and self._queues_up(job) else create.insert_new_job
        return insert(connection, self._store, NewJob(job=job))[1]

    def _make(self, schedule: Schedule, options: Mapping[str, Any]) -> Job:
        job_type = self._registry.get(schedule.type)
        if schedule.owner.user_id and not self._may_start(schedule.owner.user_id, job_type.name):
            raise CannotStart(_NO_PERMISSION)
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
        return create.new_job(job_type, payload, self._vault, owner=schedule.owner, files={}, **given)

    def _queues_up(self, job: Job) -> bool:
        return self._registry.get(job.type).on_duplicate is OnDuplicate.QUEUE_AFTER


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(".") else f"{type(error).__name__}: {text}"
