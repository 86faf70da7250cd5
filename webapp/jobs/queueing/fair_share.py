"""Fair share: between jobs of one priority, owners take turns.

Every waiting job has a turn (the column ``fair``): an owner's next job gets the turn after that
owner's last waiting one, and nobody's first job gets an earlier turn than the one that is
served now. So 5,000 jobs of one owner make another's single job wait for one of them per
worker. The claim goes by priority, turn, age.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, func, select

from webapp.jobs.model.job import Job
from webapp.jobs.queueing.claim import QUEUED
from webapp.schema import jobs

Line = tuple[str, int, UUID | None]


def assign_turns(connection: Connection, new: Iterable[Job]) -> list[Job]:
    """Return the jobs with their turns, in the order given."""
    given: dict[Line, int] = defaultdict(int)
    first: dict[Line, int] = {}
    placed = []
    for job in new:
        line = (job.queue, job.priority, job.owner.user_id)
        if line not in first:
            first[line] = _next_turn(connection, *line)
        placed.append(replace(job, fair=first[line] + given[line]))
        given[line] += 1
    return placed


def _next_turn(connection: Connection, queue: str, priority: int, owner_id: UUID | None) -> int:
    line = (QUEUED, jobs.c.queue == queue, jobs.c.priority == priority)
    whose = jobs.c.owner_id.is_(None) if owner_id is None else jobs.c.owner_id == owner_id
    served_now = select(func.min(jobs.c.fair)).where(*line).scalar_subquery()
    own_last = select(func.max(jobs.c.fair)).where(*line, whose).scalar_subquery()
    served, last = connection.execute(select(served_now, own_last)).one()
    return max(served or 0, 0 if last is None else last + 1)
