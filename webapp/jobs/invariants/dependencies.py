"""Checks of jobs that follow others: none waits for what is over."""

from collections.abc import Iterator

from sqlalchemy import Engine, and_, exists, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.invariants.statuses import JOB_COLUMNS
from webapp.jobs.model.job import TERMINAL, UNFINISHED
from webapp.schema import dependencies, jobs

_before = jobs.alias("predecessor")
_EDGE = and_(dependencies.c.job_id == jobs.c.id, dependencies.c.after_id == _before.c.id)


def checks(engine: Engine) -> Iterator[Check]:
    """Return them."""
    held = (jobs.c.status == "held", jobs.c.root_id.is_(None))
    yield check_rows(
        engine,
        "No job is held after all that it follows has ended.",
        select(*JOB_COLUMNS).where(
            *held, jobs.c.next_key.is_(None), ~exists().where(_EDGE, _before.c.status.in_(UNFINISHED))
        ),
    )
    keyed = exists().where(_before.c.unique_key == jobs.c.next_key, _before.c.status.in_(UNFINISHED))
    yield check_rows(
        engine,
        "No job waits for a unique key that is free.",
        select(*JOB_COLUMNS, jobs.c.next_key.label("key")).where(
            *held, jobs.c.next_key.is_not(None), ~keyed, ~exists().where(_EDGE, _before.c.status.in_(UNFINISHED))
        ),
        passing=True,  # the clock lets it go
    )
    yield check_rows(
        engine,
        "No job has begun without the unique key that it waited for.",
        select(*JOB_COLUMNS, jobs.c.next_key.label("key")).where(
            jobs.c.next_key.is_not(None), jobs.c.status.not_in(("held", *TERMINAL))
        ),
    )
    in_vain = and_(dependencies.c.only_on_success, _before.c.status.in_(TERMINAL), _before.c.status != "completed")
    yield check_rows(
        engine,
        "No job is held for one that did not complete.",
        select(*JOB_COLUMNS).where(*held, exists().where(_EDGE, in_vain)),
    )
    yield check_rows(
        engine,
        "A job that others follow knows it.",
        select(*JOB_COLUMNS).where(
            jobs.c.has_dependents.is_(False), exists().where(dependencies.c.after_id == jobs.c.id)
        ),
    )
