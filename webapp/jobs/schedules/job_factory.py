"""Making: from a schedule to its job as a value, and to the job's place, which its unique key may refuse."""

from collections.abc import Mapping
from typing import Any

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
from webapp.jobs.store.job_store import Store


class CannotStart(Exception):
    """A schedule can make its job; the message says why not: its type is gone, its payload does not fit any more."""


class PreviousRunUnfinished(Exception):
    """Where there is one job at a time, none is made while one is not finished."""

    def __init__(self, name: str) -> None:
        """Name the schedule."""
        super().__init__(f"The schedule {name!r} starts one job at a time, and one is not finished.")


class ScheduledJobFactory:
    """Makes the jobs of schedules, one at a time where the schedule or the type says so."""

    def __init__(self, registry: Registry, vault: Vault, store: Store) -> None:
        self._registry = registry
        self._vault = vault
        self._store = store

    def make(self, schedule: Schedule, **choices: Any) -> Job:
        """Return its next job, not yet written; ``choices`` override the schedule's. Raises `CannotStart`."""
        try:
            return self._make(schedule, choices)
        except Exception as error:  # a type's own checks may raise anything, and none of it may stop a clock
            raise CannotStart(_sentence(error)) from error

    def is_refused(self, connection: Connection, schedule: Schedule, job: Job) -> bool:
        """Tell whether its unique key is taken, and it may not wait for it."""
        waits = self._queues_up(job) and not schedule.one_at_a_time
        return job.unique_key is not None and not waits and run_records.is_key_held(connection, job.unique_key)

    def insert(self, connection: Connection, job: Job) -> set[str]:
        """Write it; return the queues in which work waits then."""
        how = create.place_behind if job.unique_key and self._queues_up(job) else create.place
        return how(connection, self._store, NewJob(job=job))

    def _make(self, schedule: Schedule, choices: Mapping[str, Any]) -> Job:
        kind = self._registry.get(schedule.type)
        with reading(self._store.engine) as connection:
            disabled_types.refuse_disabled(connection, [kind.name])
        payload = load_payload(kind, schedule.payload, self._vault)
        key = kind.key_of(payload) or schedule.unique_key  # what its type must not do twice, no schedule does
        wanted = {"queue": schedule.queue, "priority": schedule.priority, "unique_key": key, **choices}
        said = {name: value for name, value in wanted.items() if value is not None}
        return create.new_job(kind, payload, self._vault, owner=schedule.owner, files={}, **said)

    def _queues_up(self, job: Job) -> bool:
        return self._registry.get(job.type).on_duplicate is OnDuplicate.QUEUE_AFTER


def _sentence(error: Exception) -> str:
    said = str(error)
    return said if said.endswith(".") else f"{type(error).__name__}: {said}"
