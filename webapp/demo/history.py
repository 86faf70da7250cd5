"""A month of finished demo jobs: when they started and who owned them; writes all rows in bulk, and notifications."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, insert

from webapp.demo.job_rows import PastJob, attempt_rows, event_rows, job_row, log_rows
from webapp.demo.people import Staff, pick_owner
from webapp.demo.sample_files import InputFiles, attachment_rows
from webapp.demo.scenarios import Scenario, draw_scenario
from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.job import Status
from webapp.jobs.store import events
from webapp.schema import attachments, attempts, jobs, log_lines, notices

_MONTH_SECONDS = 30 * 24 * 3600
_QUIET_SECONDS = 900  # seconds before now without finished jobs
_NEWEST_OUTCOMES = (
    Status.COMPLETED,
    Status.FAILED,
    Status.COMPLETED,
    Status.STALE,
    Status.CANCELLED,
)  # the newest jobs, to have every outcome
_BY_HOUR = (1, 1, 1, 1, 1, 1, 2, 4, 9, 12, 13, 11, 8, 10, 12, 11, 9, 7, 4, 3, 2, 2, 1, 1)
_WEEKEND = 0.2
_SATURDAY = 5
_WITH_LOG = 90  # newest jobs with a log
_BATCH = 500  # rows per statement
_NOTIFICATIONS, _UNREAD = 80, 5  # of the newest jobs
_READ_AFTER = timedelta(minutes=7)


def draw_month(count: int, *, staff: Staff, registry: Registry, rng: Random, now: datetime) -> tuple[PastJob, ...]:
    """Return ``count`` finished jobs of the last 30 days, oldest first."""
    most_attempts = {job_type.name: job_type.retry.max_attempts for job_type in registry}
    outcomes = chain(_NEWEST_OUTCOMES, repeat(None))
    times = reversed(_random_times(count, rng, now))
    scenarios = (
        (draw_scenario(rng, most_attempts=most_attempts, ending=ending), at)
        for at, ending in zip(times, outcomes, strict=False)
    )
    return tuple(_past_job(scenario, at, staff, registry, rng) for scenario, at in scenarios)[::-1]


def draw_scheduled_job(
    at: datetime, type_name: str, *, owner_id: UUID | None, registry: Registry, rng: Random
) -> PastJob:
    """Return a finished job that a schedule or a webhook started at ``at``."""
    job_type = registry.get(type_name)
    scenario = draw_scenario(rng, most_attempts={type_name: job_type.retry.max_attempts}, type_name=type_name)
    return PastJob(id=id_at(at, rng), job_type=job_type, scenario=scenario, owner_id=owner_id, created=at)


def write_month(connection: Connection, past: Sequence[PastJob], input_files: InputFiles, rng: Random) -> None:
    """Write all rows of the jobs."""
    _insert(connection, jobs, [job_row(job, input_files.get(job.id), rng) for job in past])
    _insert(connection, attempts, [row for job in past for row in attempt_rows(job, rng)])
    history = [row for job in past for row in event_rows(job)]
    for first in range(0, len(history), _BATCH):
        events.insert(connection, history[first : first + _BATCH])
    _insert(connection, attachments, attachment_rows(past, input_files))
    _insert(connection, log_lines, [row for job in past[-_WITH_LOG:] for row in log_rows(job)])


def write_notifications(connection: Connection, past: Sequence[PastJob]) -> None:
    """Write notifications of the newest jobs; only the last few are unread."""
    connection.execute(
        insert(notices), list(_notification_rows([job for job in past if job.owner_id][-_NOTIFICATIONS:]))
    )


def _random_times(count: int, rng: Random, now: datetime) -> list[datetime]:
    times: list[datetime] = []
    while len(times) < count:
        at = now - timedelta(seconds=rng.uniform(_QUIET_SECONDS, _MONTH_SECONDS))
        if rng.random() < _activity(at):
            times.append(at)
    return sorted(times)


def _activity(at: datetime) -> float:
    """Return the activity at that hour, as a share of the busiest hour."""
    return _BY_HOUR[at.hour] / max(_BY_HOUR) * (_WEEKEND if at.weekday() >= _SATURDAY else 1)


def _past_job(scenario: Scenario, at: datetime, staff: Staff, registry: Registry, rng: Random) -> PastJob:
    return PastJob(
        id=id_at(at, rng),
        job_type=registry.get(scenario.usage.type),
        scenario=scenario,
        owner_id=_owner_id(scenario, staff, rng),
        created=at,
    )


def _owner_id(scenario: Scenario, staff: Staff, rng: Random) -> UUID | None:
    if scenario.usage.is_system:
        return None
    return (staff["admin"] if scenario.usage.type == "user_import" else pick_owner(staff, rng)).id


def id_at(at: datetime, rng: Random) -> UUID:
    """Return the UUIDv7 that a job or a delivery would have had, because lists are ordered by id."""
    milliseconds = int(at.timestamp() * 1000)
    high = milliseconds << 80 | 0x7 << 76 | rng.getrandbits(12) << 64
    return UUID(int=high | 0b10 << 62 | rng.getrandbits(62))


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    pending = list(rows)
    for first in range(0, len(pending), _BATCH):
        connection.execute(insert(table), pending[first : first + _BATCH])


def _notification_rows(newest: Sequence[PastJob]) -> Iterator[dict[str, Any]]:
    for job in newest:
        read_at = None if job in newest[-_UNREAD:] else job.ended + _READ_AFTER
        yield {
            "user_id": job.owner_id,
            "job_id": job.id,
            "kind": job.scenario.status.value,
            "at": job.ended,
            "read_at": read_at,
        }
