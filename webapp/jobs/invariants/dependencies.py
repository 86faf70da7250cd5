"""Checks of jobs with predecessors: none waits for a job that has ended, unless that can be retried for it."""

from collections.abc import Iterator

from sqlalchemy import Engine, and_, exists, or_, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.jobs.model.job import TERMINAL, UNFINISHED
from webapp.jobs.store.transitions import MAY_RUN
from webapp.schema import claimed_keys, dependencies, jobs

_predecessor = jobs.alias("predecessor")
_EDGE = and_(dependencies.c.job_id == jobs.c.id, dependencies.c.after_id == _predecessor.c.id)


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    held = (jobs.c.status == "held", jobs.c.root_id.is_(None), jobs.c.asked_of.is_(None))
    released = (*held, MAY_RUN)  # others wait for approval too
    waits_for_retry = and_(dependencies.c.waits, _predecessor.c.status != "completed")
    yield check_rows(
        engine,
        "No job is held after all its predecessors have ended.",
        select(*JOB_COLUMNS).where(
            *released,
            jobs.c.next_key.is_(None),
            ~exists().where(_EDGE, or_(_predecessor.c.status.in_(UNFINISHED), waits_for_retry)),
        ),
    )
    held_key = exists().where(claimed_keys.c.key == jobs.c.next_key)
    yield check_rows(
        engine,
        "No job waits for a unique key that no job holds.",
        select(*JOB_COLUMNS, jobs.c.next_key.label("key")).where(
            *released,
            jobs.c.next_key.is_not(None),
            ~held_key,
            ~exists().where(_EDGE, _predecessor.c.status.in_(UNFINISHED)),
        ),
        transient=True,  # the clock releases the job
    )
    yield check_rows(
        engine,
        "No job started before it got the unique key that it waited for.",
        select(*JOB_COLUMNS, jobs.c.next_key.label("key")).where(
            jobs.c.next_key.is_not(None), jobs.c.status.not_in(("held", *TERMINAL))
        ),
    )
    unsuccessful = and_(
        dependencies.c.only_on_success,
        ~dependencies.c.waits,
        _predecessor.c.status.in_(TERMINAL),
        _predecessor.c.status != "completed",
    )
    yield check_rows(
        engine,
        "No job is held for a predecessor that did not complete.",
        select(*JOB_COLUMNS).where(*held, exists().where(_EDGE, unsuccessful)),
    )
    yield check_rows(
        engine,
        "A job with dependents is marked as having them.",
        select(*JOB_COLUMNS).where(
            jobs.c.has_dependents.is_(False), exists().where(dependencies.c.after_id == jobs.c.id)
        ),
    )
