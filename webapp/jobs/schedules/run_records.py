"""Statements that make each scheduled time fire once. All run in the caller's transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from webapp.jobs.schedules.schedule import RunOutcome, Schedule
from webapp.schema import now, schedule_runs, schedules

# built once, as building them takes longer than running them
_ADVANCE = (
    update(schedules)
    .where(schedules.c.id == bindparam("schedule"), schedules.c.next_fire_at == bindparam("read"))
    .values(next_fire_at=bindparam("next"))
)
_RECORD_ONCE = {
    dialect.dialect.name: dialect.insert(schedule_runs)
    .values(fired_at=now())
    .on_conflict_do_nothing(index_elements=["schedule_id", "fire_at"])
    .returning(schedule_runs.c.id)
    for dialect in (sqlite, postgresql)
}


def advance(connection: Connection, schedule: Schedule, next_at: datetime | None) -> bool:
    """Set the next time if no other clock has done so since the schedule was read; return whether it was set."""
    values = {"schedule": schedule.id, "read": schedule.next_fire_at, "next": next_at}
    return connection.execute(_ADVANCE, values).rowcount == 1


def record_run(
    connection: Connection,
    schedule: Schedule,
    fire_at: datetime,
    outcome: RunOutcome,
    *,
    job_id: UUID | None = None,
    asked_by: UUID | None = None,
    detail: str = "",
) -> bool:
    """Insert a run; return whether it is the first one for its time."""
    details = {"job_id": job_id, "asked_by": asked_by, "detail": detail}
    row = {"schedule_id": schedule.id, "fire_at": fire_at, "outcome": outcome.value, **details}
    return connection.execute(_RECORD_ONCE[connection.dialect.name], row).first() is not None
