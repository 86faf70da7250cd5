"""Checks of attempts and steps: each is counted once, and none starts after the job has completed."""

from collections.abc import Iterator

from sqlalchemy import Engine, and_, exists, func, or_, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.jobs.model.job import EventName
from webapp.schema import attempts, events, job_steps, jobs

_STARTED = and_(events.c.job_id == jobs.c.id, events.c.name == EventName.STARTED)


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    starts = select(func.count()).select_from(events).where(_STARTED).scalar_subquery()
    numbers = select(func.count(events.c.attempt.distinct())).where(_STARTED).scalar_subquery()
    latest = select(func.coalesce(func.max(events.c.attempt), 0)).where(_STARTED).scalar_subquery()
    yield check_rows(
        engine,
        "Attempts are numbered 1, 2, 3 …, each started once, and the job's count matches.",
        select(*JOB_COLUMNS, jobs.c.attempt, starts.label("starts")).where(
            or_(starts != jobs.c.attempt, numbers != jobs.c.attempt, latest != jobs.c.attempt)
        ),
    )
    ended_early = or_(
        attempts.c.number > jobs.c.attempt, and_(attempts.c.number == jobs.c.attempt, jobs.c.status == "running")
    )
    yield check_rows(
        engine,
        "No attempt ended that never started or is still running.",
        select(*JOB_COLUMNS, attempts.c.number.label("attempt")).join_from(jobs, attempts).where(ended_early),
    )
    after_the_end = exists().where(_STARTED, events.c.at > jobs.c.finished_at)
    yield check_rows(
        engine,
        "A completed job never starts again.",
        select(*JOB_COLUMNS, jobs.c.finished_at).where(jobs.c.status == "completed", after_the_end),
    )
    completions = (
        select(func.count()).where(events.c.job_id == jobs.c.id, events.c.name == EventName.COMPLETED).scalar_subquery()
    )
    yield check_rows(
        engine,
        "A job completes once.",
        select(*JOB_COLUMNS, completions.label("times")).where(jobs.c.status == "completed", completions != 1),
    )
    yield check_rows(
        engine,
        "Every event belongs to an existing job.",
        select(events.c.job_id, events.c.name, events.c.at).where(~exists().where(jobs.c.id == events.c.job_id)),
    )
    yield check_rows(
        engine,
        "Every step was run by an attempt of its job, or taken over from another job.",
        select(*JOB_COLUMNS, job_steps.c.name.label("step"), job_steps.c.attempt.label("step_attempt"))
        .join_from(jobs, job_steps)
        .where(or_(job_steps.c.attempt > jobs.c.attempt, and_(job_steps.c.attempt == 0, jobs.c.again_of.is_(None)))),
    )
