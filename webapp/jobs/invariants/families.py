"""Checks of roots and their children: the counts, and the statuses that follow from them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, exists, func, or_, select

from webapp.jobs.invariants.check import Check, check_rows
from webapp.jobs.invariants.statuses import ENDED, JOB_COLUMNS
from webapp.jobs.model.job import TERMINAL, UNFINISHED, EventName
from webapp.schema import events, jobs

_child = jobs.alias("child")
_OF_ROOT = _child.c.root_id == jobs.c.id
_RETURNED = exists().where(
    events.c.job_id == jobs.c.id, events.c.name == EventName.WAITING
)  # its own handler has returned


def checks(engine: Engine) -> Iterator[Check]:
    """Yield the checks."""
    yield check_rows(engine, "A root's counts of its children match its children.", _miscounted())
    unfinished = jobs.c.parts - jobs.c.parts_completed - jobs.c.parts_failed - jobs.c.parts_cancelled
    yield check_rows(
        engine,
        "A root waits only while it has unfinished children.",
        select(*JOB_COLUMNS, jobs.c.parts).where(jobs.c.status == "waiting", or_(unfinished <= 0, ~_RETURNED)),
    )
    yield check_rows(
        engine,
        "A root's status follows from its children's statuses.",
        select(*JOB_COLUMNS, _rolled_up().label("expected")).where(
            jobs.c.parts > 0, ENDED, jobs.c.status != _rolled_up(), _RETURNED
        ),
    )
    yield check_rows(
        engine,
        "No child is held after its root's handler has returned.",
        select(*JOB_COLUMNS).where(
            jobs.c.parts > 0,
            jobs.c.status.in_(("waiting", *TERMINAL)),
            exists().where(_OF_ROOT, _child.c.status == "held", _child.c.approval.is_distinct_from("pending")),
        ),
    )
    continues = and_(_child.c.status.in_(UNFINISHED), _child.c.cancel_requested_at.is_(None))
    yield check_rows(
        engine,
        "No child continues after its root has ended.",
        select(*JOB_COLUMNS).where(jobs.c.parts > 0, ENDED, exists().where(_OF_ROOT, continues)),
    )
    yield check_rows(
        engine,
        "The children of a job are shared as it is.",
        select(*JOB_COLUMNS).where(
            jobs.c.parts > 0, exists().where(_OF_ROOT, _child.c.shared_with.is_distinct_from(jobs.c.shared_with))
        ),
    )
    named = select(jobs.c.root_id.label("root"), jobs.c.child_name.label("name"), func.count().label("jobs"))
    yield check_rows(
        engine,
        "The children of a job have different names.",
        named.where(jobs.c.child_name.is_not(None))
        .group_by(jobs.c.root_id, jobs.c.child_name)
        .having(func.count() > 1),
    )


def _rolled_up() -> ColumnElement[str]:
    """`rollup.roll_up` as SQL."""
    return case(
        (jobs.c.parts_cancelled > 0, "cancelled"),
        (and_(jobs.c.parts_failed > 0, jobs.c.tolerant.is_(False)), "failed"),
        else_="completed",
    )


def _miscounted() -> Select[*tuple[Any, ...]]:
    counted = (
        select(
            _child.c.root_id,
            func.count().label("parts"),
            _count("completed").label("completed"),
            _count("failed", "stale").label("failed"),
            _count("cancelled").label("cancelled"),
            _count("stale").label("stale"),
        )
        .where(_child.c.root_id.is_not(None))
        .group_by(_child.c.root_id)
        .subquery()
    )
    differ = or_(
        jobs.c.parts != func.coalesce(counted.c.parts, 0),
        jobs.c.parts_completed != func.coalesce(counted.c.completed, 0),
        jobs.c.parts_failed != func.coalesce(counted.c.failed, 0),
        jobs.c.parts_cancelled != func.coalesce(counted.c.cancelled, 0),
        jobs.c.parts_stale != func.coalesce(counted.c.stale, 0),
    )
    return select(*JOB_COLUMNS, jobs.c.parts, counted.c.parts.label("found")).join_from(
        jobs, counted, counted.c.root_id == jobs.c.id, isouter=True
    ).where(differ)  # fmt: skip


def _count(*statuses: str) -> ColumnElement[int]:
    return func.sum(case((_child.c.status.in_(statuses), 1), else_=0))
