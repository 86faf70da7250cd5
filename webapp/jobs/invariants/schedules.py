"""Checks of schedules: each job belongs to one run, none is overdue, and owners exist."""

from collections.abc import Iterator

from sqlalchemy import Engine, func, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.schema import later, schedule_runs, schedules, users

_OVERDUE_SECONDS = 60.0  # a clock checks every second; a new one starts within a few


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    runs = schedule_runs.c
    yield check_rows(
        engine,
        "Each job was created by at most one run of one schedule.",
        select(runs.job_id, func.count().label("times"))
        .where(runs.job_id.is_not(None))
        .group_by(runs.job_id)
        .having(func.count() > 1),
    )
    yield check_rows(
        engine,
        f"No schedule is overdue by more than {_OVERDUE_SECONDS:.0f} seconds; the clock fires schedules.",
        select(schedules.c.name.label("schedule"), schedules.c.next_fire_at).where(
            schedules.c.next_fire_at < later(-_OVERDUE_SECONDS)
        ),
        transient=True,
    )
    yield check_rows(
        engine,
        "Each schedule whose jobs belong to a user has an account for them.",
        select(schedules.c.name.label("schedule"), schedules.c.owner_id).where(
            schedules.c.owner_id.is_not(None), schedules.c.owner_id.not_in(select(users.c.id))
        ),
    )
