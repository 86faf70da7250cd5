"""Fair share: among jobs of the same priority, owners take turns.

Every queued job has a turn number (the column ``fair``). An owner's next job gets the turn after their
last queued one, but never an earlier turn than the one that is being served. So if one owner queues
5,000 jobs, the single job of another owner waits for at most one of them per worker. The claim orders
by priority, turn and age.

A job that is held or starts later gets its turn when it is queued, and so does one that is retried. Until then it does
not count as queued, so all such jobs of one owner would have the same turn and run one after the other. A job that
continues (after an interruption, for its next attempt, or with an answer) keeps its turn.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    Update,
    case,
    func,
    literal,
    literal_column,
    null,
    select,
)

from webapp.jobs.model.job import Job
from webapp.jobs.queueing.claim import QUEUED
from webapp.schema import jobs

_ONE: ColumnElement[int] = literal_column("1")
_LANE = (jobs.c.queue, jobs.c.priority, jobs.c.owner_id)
_OwnerLane = tuple[str, int, UUID | None]  # queue, priority, owner


def assign_turns(connection: Connection, new: Iterable[Job]) -> list[Job]:
    """Return the jobs with their turns, in the same order."""
    assigned: dict[_OwnerLane, int] = defaultdict(int)
    first: dict[_OwnerLane, int] = {}
    with_turns = []
    for job in new:
        lane = (job.queue, job.priority, job.owner.user_id)
        if lane not in first:
            first[lane] = _next_turn(connection, *lane)
        with_turns.append(replace(job, fair=first[lane] + assigned[lane]))
        assigned[lane] += 1
    return with_turns


def new_turn(
    queue: ColumnElement[str], priority: ColumnElement[int], owned: ColumnElement[bool], *, is_created: bool = True
) -> ColumnElement[int]:
    """Return the turn after the owner's last queued job, but none before the one that is served.

    ``owned`` tells which jobs are the owner's. A job that was created earlier gets none before the next one: it is
    older than the jobs whose turn it is, and would be claimed before them.
    """
    lane = (QUEUED, jobs.c.queue == queue, jobs.c.priority == priority)
    after_last = select(func.max(jobs.c.fair) + _ONE).where(*lane, owned).scalar_subquery()
    served = func.min(jobs.c.fair) if is_created else func.min(jobs.c.fair) + _ONE
    return func.coalesce(after_last, select(served).where(*lane).scalar_subquery(), literal_column("0"))


def with_new_turns(
    queueing: Update,
    *which: ColumnElement[bool],
    kept: ColumnElement[bool] | None = None,
    skip_locked: bool = False,
) -> Update:
    """Let an UPDATE that queues jobs, those of ``which``, give them turns as if they were created now.

    An owner's jobs follow each other in the order in which they were created, those with a time to start last. The
    jobs that are ``kept`` keep their turns. With ``skip_locked``, only jobs are queued that no other transaction has
    locked.
    """
    unqueued = select(jobs.c.id, *_LANE, jobs.c.run_at).where(*which)
    if skip_locked:
        unqueued = unqueued.with_for_update(skip_locked=True, key_share=True)
    chosen = unqueued.subquery("chosen")
    order = (chosen.c.run_at.asc().nulls_first(), chosen.c.id)
    place = func.row_number().over(partition_by=_lane_of(chosen), order_by=order).label("place")
    placed = select(chosen.c.id, *_lane_of(chosen), place).subquery("placed")
    begins = select(placed, _first_turn(placed).label("first")).subquery("begins")
    turn = func.max(begins.c.first).over(partition_by=_lane_of(begins)) + begins.c.place - _ONE
    turns = select(begins.c.id, turn.label("turn")).subquery("turns")
    new = turns.c.turn if kept is None else case((kept, jobs.c.fair), else_=turns.c.turn)
    return queueing.values(fair=new).where(jobs.c.id == turns.c.id)


def _first_turn(placed: Subquery) -> ColumnElement[int | None]:
    """Return the first turn of a lane in the row of its first job, so that it is looked up once."""
    lane = (placed.c.queue, placed.c.priority)
    of_system = new_turn(*lane, jobs.c.owner_id.is_(None), is_created=False)
    of_owner = new_turn(*lane, jobs.c.owner_id == placed.c.owner_id, is_created=False)
    return case((placed.c.place > _ONE, null()), (placed.c.owner_id.is_(None), of_system), else_=of_owner)


def _lane_of(rows: Subquery) -> list[ColumnElement[Any]]:
    return [rows.c[column.name] for column in _LANE]


def _next_turn(connection: Connection, queue: str, priority: int, owner_id: UUID | None) -> int:
    turn = new_turn(literal(queue), literal(priority), _is_owner(owner_id))
    return int(connection.execute(select(turn)).scalar_one())


def _is_owner(owner_id: UUID | None) -> ColumnElement[bool]:
    return jobs.c.owner_id.is_(None) if owner_id is None else jobs.c.owner_id == owner_id
