"""Checks of jobs by themselves: status, times and unique key."""

from collections.abc import Iterator

from sqlalchemy import Engine, and_, exists, func, or_, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.model.job import COMPLETE, TERMINAL, UNFINISHED
from webapp.schema import claimed_keys, jobs, later

ENDED = jobs.c.status.in_(TERMINAL)
JOB_COLUMNS = (jobs.c.id.label("job"), jobs.c.type, jobs.c.status)
_OVERDUE_SECONDS = 30.0


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    inconsistent = or_(and_(ENDED, jobs.c.finished_at.is_(None)), and_(~ENDED, jobs.c.finished_at.is_not(None)))
    yield check_rows(
        engine,
        "A job has an end time if and only if it has ended.",
        select(*JOB_COLUMNS, jobs.c.finished_at).where(inconsistent),
    )
    invalid = or_(
        ~jobs.c.progress.between(0, COMPLETE), and_(jobs.c.status == "completed", jobs.c.progress != COMPLETE)
    )
    yield check_rows(
        engine,
        "Progress is between 0 and 100, and 100 when a job is done.",
        select(*JOB_COLUMNS, jobs.c.progress).where(invalid),
    )
    keyed = select(jobs.c.unique_key.label("key"), func.count().label("jobs"))
    yield check_rows(
        engine,
        "At most one unfinished job holds a unique key.",
        keyed.where(jobs.c.unique_key.is_not(None), jobs.c.status.in_(UNFINISHED))
        .group_by(jobs.c.unique_key)
        .having(func.count() > 1),
    )
    holds = and_(jobs.c.unique_key == claimed_keys.c.key, jobs.c.status.in_(UNFINISHED))
    yield check_rows(
        engine,
        "An unfinished job with a unique key has claimed it.",
        select(*JOB_COLUMNS, jobs.c.unique_key.label("key")).where(
            jobs.c.unique_key.is_not(None),
            jobs.c.status.in_(UNFINISHED),
            ~exists().where(claimed_keys.c.key == jobs.c.unique_key, claimed_keys.c.job_id == jobs.c.id),
        ),
    )
    yield check_rows(
        engine,
        "A claimed unique key is that of an unfinished job.",
        select(claimed_keys.c.key, claimed_keys.c.job_id.label("job")).where(
            ~exists().where(jobs.c.id == claimed_keys.c.job_id, holds)
        ),
    )
    yield check_rows(
        engine,
        f"No scheduled job is overdue by more than {_OVERDUE_SECONDS:.0f} seconds; the clock queues due jobs.",
        select(*JOB_COLUMNS, jobs.c.run_at.label("due")).where(
            jobs.c.status == "scheduled", jobs.c.run_at < later(-_OVERDUE_SECONDS)
        ),
        transient=True,
    )
