"""Checks of schedules: each job stands for one time, and none is late; that a time fires once, a constraint keeps."""

from collections.abc import Iterator

from sqlalchemy import Engine, func, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.schema import later, schedule_runs, schedules

_LATE_SECONDS = 60.0  # a clock looks every second; a new one begins within a few


def checks(engine: Engine) -> Iterator[Check]:
    """Return them."""
    runs = schedule_runs.c
    yield check_rows(
        engine,
        "A job was started by one time of one schedule at most.",
        select(runs.job_id, func.count().label("times"))
        .where(runs.job_id.is_not(None))
        .group_by(runs.job_id)
        .having(func.count() > 1),
    )
    yield check_rows(
        engine,
        f"No schedule is late by more than {_LATE_SECONDS:.0f} seconds; the clock starts its jobs.",
        select(schedules.c.name.label("schedule"), schedules.c.next_fire_at).where(
            schedules.c.next_fire_at < later(-_LATE_SECONDS)
        ),
        passing=True,
    )
