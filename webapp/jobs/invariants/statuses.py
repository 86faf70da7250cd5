"""Checks of each job by itself: its status, its moments, its key."""

from collections.abc import Iterator

from sqlalchemy import Engine, and_, func, or_, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.model.job import COMPLETE, TERMINAL, UNFINISHED
from webapp.schema import jobs, later

ENDED = jobs.c.status.in_(TERMINAL)
JOB_COLUMNS = (jobs.c.id.label("job"), jobs.c.type, jobs.c.status)
_OVERDUE_SECONDS = 30.0


def checks(engine: Engine) -> Iterator[Check]:
    """Return them."""
    untimely = or_(and_(ENDED, jobs.c.finished_at.is_(None)), and_(~ENDED, jobs.c.finished_at.is_not(None)))
    yield check_rows(
        engine,
        "A job says when it ended if and only if it has ended.",
        select(*JOB_COLUMNS, jobs.c.finished_at).where(untimely),
    )
    unfit = or_(~jobs.c.progress.between(0, COMPLETE), and_(jobs.c.status == "completed", jobs.c.progress != COMPLETE))
    yield check_rows(
        engine,
        "Progress is 0 to 100 per cent, and 100 when a job is done.",
        select(*JOB_COLUMNS, jobs.c.progress).where(unfit),
    )
    keyed = select(jobs.c.unique_key.label("key"), func.count().label("jobs"))
    yield check_rows(
        engine,
        "A unique key is held by one unfinished job at most.",
        keyed.where(jobs.c.unique_key.is_not(None), jobs.c.status.in_(UNFINISHED))
        .group_by(jobs.c.unique_key)
        .having(func.count() > 1),
    )
    yield check_rows(
        engine,
        f"No job is due for more than {_OVERDUE_SECONDS:.0f} seconds without being queued; the clock does that.",
        select(*JOB_COLUMNS, jobs.c.run_at.label("due")).where(
            jobs.c.status == "scheduled", jobs.c.run_at < later(-_OVERDUE_SECONDS)
        ),
        passing=True,
    )
