"""The month behind: when its jobs were started and by whom, and all their rows, written in bulk.

What people were told of the month's last jobs; most of it they have read.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, insert

from webapp.demo.job_rows import PastJob, attempt_rows, event_rows, job_row, log_rows
from webapp.demo.people import Staff, somebody
from webapp.demo.sample_files import InputFiles, attachment_rows
from webapp.demo.scenarios import Scenario, draw_scenario
from webapp.jobs.definition.registry import Registry
from webapp.jobs.model.job import Status
from webapp.jobs.store import events
from webapp.schema import attachments, attempts, jobs, log_lines, notices

_SECONDS = 30 * 24 * 3600
_LAST = 900  # seconds before now in which nothing has ended
_EACH_ONCE = (Status.COMPLETED, Status.FAILED, Status.COMPLETED, Status.STALE, Status.CANCELLED)  # the newest first
_BY_HOUR = (1, 1, 1, 1, 1, 1, 2, 4, 9, 12, 13, 11, 8, 10, 12, 11, 9, 7, 4, 3, 2, 2, 1, 1)
_WEEKEND = 0.2
_SATURDAY = 5
_TALKATIVE = 90  # the last so many have a log
_AT_ONCE = 500  # rows in one statement


def month(count: int, *, staff: Staff, registry: Registry, chance: Random, now: datetime) -> tuple[PastJob, ...]:
    """Return ``count`` jobs of the last 30 days, oldest first."""
    most_attempts = {kind.name: kind.retry.max_attempts for kind in registry}
    endings = chain(_EACH_ONCE, repeat(None))
    moments = reversed(_moments(count, chance, now))
    stories = (
        (draw_scenario(chance, most_attempts=most_attempts, ending=ending), at)
        for at, ending in zip(moments, endings, strict=False)
    )
    return tuple(_ended(told, at, staff, registry, chance) for told, at in stories)[::-1]


def on_time(at: datetime, type_name: str, *, owner_id: UUID | None, registry: Registry, chance: Random) -> PastJob:
    """Return a job that a schedule started at a moment."""
    job_type = registry.get(type_name)
    told = draw_scenario(chance, most_attempts={type_name: job_type.retry.max_attempts}, type_name=type_name)
    return PastJob(id=_id(at, chance), job_type=job_type, scenario=told, owner_id=owner_id, created=at)


def write_month(connection: Connection, past: Sequence[PastJob], given: InputFiles, chance: Random) -> None:
    """Write all their rows."""
    _insert(connection, jobs, [job_row(job, given.get(job.id), chance) for job in past])
    _insert(connection, attempts, [row for job in past for row in attempt_rows(job, chance)])
    history = [row for job in past for row in event_rows(job)]
    for first in range(0, len(history), _AT_ONCE):
        events.insert(connection, history[first : first + _AT_ONCE])
    _insert(connection, attachments, attachment_rows(past, given))
    _insert(connection, log_lines, [row for job in past[-_TALKATIVE:] for row in log_rows(job)])


def _moments(count: int, chance: Random, now: datetime) -> list[datetime]:
    found: list[datetime] = []
    while len(found) < count:
        at = now - timedelta(seconds=chance.uniform(_LAST, _SECONDS))
        if chance.random() < _busy(at):
            found.append(at)
    return sorted(found)


def _busy(at: datetime) -> float:
    """How much is done at such an hour, compared with the busiest."""
    return _BY_HOUR[at.hour] / max(_BY_HOUR) * (_WEEKEND if at.weekday() >= _SATURDAY else 1)


def _ended(told: Scenario, at: datetime, staff: Staff, registry: Registry, chance: Random) -> PastJob:
    return PastJob(
        id=_id(at, chance),
        job_type=registry.get(told.kind.type),
        scenario=told,
        owner_id=_owner_id(told, staff, chance),
        created=at,
    )


def _owner_id(told: Scenario, staff: Staff, chance: Random) -> UUID | None:
    if told.kind.of_system:
        return None
    return (staff["admin"] if told.kind.type == "user_import" else somebody(staff, chance)).id


def _id(at: datetime, chance: Random) -> UUID:
    """Make the version 7 id that the job would have had: lists are in the order of their ids."""
    milliseconds = int(at.timestamp() * 1000)
    high = milliseconds << 80 | 0x7 << 76 | chance.getrandbits(12) << 64
    return UUID(int=high | 0b10 << 62 | chance.getrandbits(62))


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    waiting = list(rows)
    for first in range(0, len(waiting), _AT_ONCE):
        connection.execute(insert(table), waiting[first : first + _AT_ONCE])


_TOLD, _UNREAD = 80, 5  # the last so many
_LATER = timedelta(minutes=7)


def write_notifications(connection: Connection, past: Sequence[PastJob]) -> None:
    """Write the notices of jobs, oldest first."""
    connection.execute(insert(notices), list(_rows([job for job in past if job.owner_id][-_TOLD:])))


def _rows(told: Sequence[PastJob]) -> Iterator[dict[str, Any]]:
    for job in told:
        read_at = None if job in told[-_UNREAD:] else job.ended + _LATER
        yield {
            "user_id": job.owner_id,
            "job_id": job.id,
            "kind": job.scenario.status.value,
            "at": job.ended,
            "read_at": read_at,
        }
