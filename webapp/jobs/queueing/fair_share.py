"""Fair share: among jobs of the same priority, owners take turns.

Every queued job has a turn number (the column ``fair``). An owner's next job gets the turn after their
last queued one, but never an earlier turn than the one that is being served. So if one owner queues
5,000 jobs, the single job of another owner waits for at most one of them per worker. The claim orders
by priority, turn and age.

A child's turn counts from its release. Until then it is held, so it is no queued job, and children that
are written in several parts would have the same turns.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Subquery, func, literal, literal_column, select, union_all

from webapp.jobs.model.job import Job
from webapp.jobs.queueing.claim import QUEUED
from webapp.schema import jobs

_ONE: ColumnElement[int] = literal_column("1")
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


def new_turn(queue: ColumnElement[str], priority: ColumnElement[int], owned: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the turn after the owner's last queued job, but none before the one that is served.

    ``owned`` tells which jobs are the owner's.
    """
    lane = (QUEUED, jobs.c.queue == queue, jobs.c.priority == priority)
    current = select(func.min(jobs.c.fair).label("turn")).where(*lane)
    after_last = select((func.max(jobs.c.fair) + _ONE).label("turn")).where(*lane, owned)
    turns = union_all(current, after_last).subquery("turns")
    return func.coalesce(select(func.max(turns.c.turn)).scalar_subquery(), literal_column("0"))


def turns_of_unqueued(connection: Connection, *which: ColumnElement[bool]) -> Iterator[Subquery]:
    """Yield the ``id`` and the new ``turn`` of jobs that are about to be queued, for one UPDATE per lane.

    They follow each other in the order in which they were created, as if they were created now. Those that start
    later are last.
    """
    place = func.row_number().over(order_by=(jobs.c.run_at.is_not(None), jobs.c.id))
    lanes = select(jobs.c.queue, jobs.c.priority, jobs.c.owner_id).where(*which).distinct()
    for queue, priority, owner_id in connection.execute(lanes).all():
        turn = (literal(_next_turn(connection, queue, priority, owner_id)) - _ONE + place).label("turn")
        same_lane = (jobs.c.queue == queue, jobs.c.priority == priority, _is_owner(owner_id))
        yield select(jobs.c.id, turn).where(*which, *same_lane).subquery("turns_of_lane")


def _next_turn(connection: Connection, queue: str, priority: int, owner_id: UUID | None) -> int:
    turn = new_turn(literal(queue), literal(priority), _is_owner(owner_id))
    return int(connection.execute(select(turn)).scalar_one())


def _is_owner(owner_id: UUID | None) -> ColumnElement[bool]:
    return jobs.c.owner_id.is_(None) if owner_id is None else jobs.c.owner_id == owner_id
