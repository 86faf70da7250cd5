"""Fair share: among jobs of the same priority, owners take turns.

Every queued job has a turn number (the column ``fair``). An owner's next job gets the turn after their
last queued one, but never an earlier turn than the one that is being served. So if one owner queues
5,000 jobs, the single job of another owner waits for at most one of them per worker. The claim orders
by priority, turn and age.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, func, select

from webapp.jobs.model.job import Job
from webapp.jobs.queueing.claim import QUEUED
from webapp.schema import jobs

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


def _next_turn(connection: Connection, queue: str, priority: int, owner_id: UUID | None) -> int:
    same_priority = (QUEUED, jobs.c.queue == queue, jobs.c.priority == priority)
    owned = jobs.c.owner_id.is_(None) if owner_id is None else jobs.c.owner_id == owner_id
    current_turn = select(func.min(jobs.c.fair)).where(*same_priority).scalar_subquery()
    last_turn = select(func.max(jobs.c.fair)).where(*same_priority, owned).scalar_subquery()
    current, last = connection.execute(select(current_turn, last_turn)).one()
    return max(current or 0, 0 if last is None else last + 1)
