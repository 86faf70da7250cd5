"""Prospects: when a waiting job will start, and how long jobs of a type usually take.

The place follows the claim's order: priority, then the owners' turns, then age (claims.py).
An estimate is made of what is known, or not made at all.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Engine, func, select, union_all

from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.queueing.claim import QUEUED
from webapp.schema import UtcDateTime, jobs, now

PLACES = 1000
RECENT = 1000
_SAMPLES = 20
_AT_ONCE = timedelta(seconds=5)


class StartEstimates:
    """What is to be expected of the jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def place_in_queue(self, job: Job, ceiling: int = PLACES) -> int | None:
        """Return 1 for the job that is claimed next, …; ``None`` if it does not wait."""
        if not _waits(job):
            return None
        with reading(self.engine) as connection:
            return 1 + sum(_types_ahead(connection, job, ceiling).values())

    def starts_within(self, job: Job, *, workers: int, limited: bool = False) -> timedelta | None:
        """Guess how long a waiting job still waits; ``None`` where nobody can know.

        The work of all that is ahead, as long as jobs of those types usually take, is shared by
        the workers. ``limited`` says that more than workers is scarce, so that this would mislead.
        """
        if not _waits(job) or not workers or limited:
            return None
        with reading(self.engine) as connection:
            ahead, running = _types_ahead(connection, job, PLACES), _running(connection, job.queue)
            if sum(ahead.values()) >= PLACES:
                return None
            if sum(ahead.values()) < workers - len(running):
                return _AT_ONCE
            usual = {name: _usual(connection, name) for name in {*ahead, *(name for name, _ in running)}}
        return _shared(ahead, running, usual, workers)

    def usual_duration(self, type_name: str) -> timedelta | None:
        """Return the median duration of the type's last 20 completed runs, if it has any."""
        with reading(self.engine) as connection:
            return _usual(connection, type_name)

    def last_started(self, viewer: Viewer) -> dict[str, datetime]:
        """Return when the viewer last made a job of each type, as far as the newest `RECENT` own jobs tell."""
        newest = (
            select(jobs.c.type, jobs.c.created_at)
            .where(jobs.c.owner_id == viewer.user_id)
            .order_by(jobs.c.id.desc())
            .limit(RECENT)
            .subquery()
        )
        latest = select(newest.c.type, func.max(newest.c.created_at, type_=UtcDateTime())).group_by(newest.c.type)
        with reading(self.engine) as connection:
            return {row[0]: row[1] for row in connection.execute(latest)}


def _waits(job: Job) -> bool:
    return job.status is Status.QUEUED and not job.record_only


def _ahead_of(job: Job, ceiling: int) -> CompoundSelect[str]:
    """Select the types of the jobs ahead: three ranges of the claim's index, where one ``OR`` would be all of it."""
    same = jobs.c.priority == job.priority
    ranges = (
        (jobs.c.priority > job.priority,),
        (same, jobs.c.fair < job.fair),
        (same, jobs.c.fair == job.fair, jobs.c.id < job.id),
    )
    waiting = (jobs.c.queue == job.queue, QUEUED)
    walks = [select(jobs.c.type).where(*waiting, *some).limit(ceiling).subquery() for some in ranges]
    return union_all(*(select(walk.c.type) for walk in walks)).limit(ceiling)


def _types_ahead(connection: Connection, job: Job, ceiling: int) -> dict[str, int]:
    some = _ahead_of(job, ceiling).subquery()
    counted = select(some.c.type, func.count()).group_by(some.c.type)
    return {row[0]: row[1] for row in connection.execute(counted)}


def _running(connection: Connection, queue: str) -> list[tuple[str, timedelta]]:
    """Return the type and the age of each job that a worker runs."""
    so = (jobs.c.queue == queue, jobs.c.status == "running", jobs.c.started_at.is_not(None))
    found = select(jobs.c.type, jobs.c.started_at, now().label("now")).where(*so).limit(PLACES)
    return [(row.type, row.now - _moment(row.started_at)) for row in connection.execute(found)]


def _moment(at: Any) -> datetime:
    moment: datetime = at
    return moment


def _usual(connection: Connection, type_name: str) -> timedelta | None:
    recent = (
        select(jobs.c.started_at, jobs.c.finished_at)
        .where(jobs.c.type == type_name, jobs.c.status == "completed", jobs.c.started_at.is_not(None))
        .order_by(jobs.c.id.desc())
        .limit(_SAMPLES)
    )
    spans = [(end - start).total_seconds() for start, end in connection.execute(recent) if end and start]
    return timedelta(seconds=median(spans)) if spans else None


def _shared(
    ahead: Mapping[str, int],
    running: list[tuple[str, timedelta]],
    usual: Mapping[str, timedelta | None],
    workers: int,
) -> timedelta | None:
    work = timedelta()
    for name, count in ahead.items():
        if (each := usual[name]) is None:
            return None
        work += each * count
    for name, age in running:
        if (each := usual[name]) is None or age > 2 * each:  # nobody can know when it ends
            return None
        work += max(each - age, timedelta())
    return work / workers
