"""Start estimates: a queued job's place in line, when it will start, and how long jobs of a type usually take.

The place in line follows the order of the claim: priority, then the owners' turns, then age.
Without enough data there is no estimate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Engine, Select, and_, func, or_, select, tuple_, union_all

from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.progress import UsualRun
from webapp.jobs.queries.visible_jobs import ROOTS, Viewer
from webapp.jobs.queueing import rates
from webapp.jobs.queueing.claim import QUEUED
from webapp.schema import UtcDateTime, attempts, jobs, now

PLACES = 1000
RECENT = 1000
_SAMPLES = 20
_LEAST_SAMPLES = 3  # of silences, before they mean anything
_IMMEDIATELY = timedelta(seconds=5)


class StartEstimates:
    """Estimates for the jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def place_in_queue(self, job: Job, ceiling: int = PLACES) -> int | None:
        """Return the place in line, 1 for the job that is claimed next; ``None`` if the job is not queued."""
        if not _is_queued(job):
            return None
        with reading(self.engine) as connection:
            return 1 + sum(_types_ahead(connection, job, ceiling).values())

    def starts_within(self, job: Job, *, workers: int, limited: bool = False) -> timedelta | None:
        """Estimate how long a queued job still waits; ``None`` if there is no basis for an estimate.

        The usual durations of all jobs ahead are added up and divided by the number of workers.
        ``limited``: a concurrency limit applies, so such an estimate would be misleading.
        """
        if not _is_queued(job) or not workers or limited:
            return None
        with reading(self.engine) as connection:
            ahead, running = _types_ahead(connection, job, PLACES), _running(connection, job.queue)
            if sum(ahead.values()) >= PLACES:
                return None
            if sum(ahead.values()) < workers - len(running):
                return _IMMEDIATELY
            usual = {name: _usual_duration(connection, name) for name in {*ahead, *(name for name, _ in running)}}
        return _divided_work(ahead, running, usual, workers)

    def may_start(self, job: Job) -> datetime | None:
        """Return when the rate of a waiting job lets it start at the earliest, after those of its key before it.

        ``None`` if the job does not wait for its rate, or is too far back in line to tell.
        """
        if not job.waits_for_rate or job.rate_key is None:
            return None
        with reading(self.engine) as connection:
            place = _place_in_key(connection, job)
            return None if place >= PLACES else rates.place_at(connection, job.rate_key, place)

    def usual_duration(self, type_name: str) -> timedelta | None:
        """Return the median duration of the type's last 20 completed jobs; ``None`` without any."""
        with reading(self.engine) as connection:
            return _usual_duration(connection, type_name)

    def usual_run(self, type_name: str) -> UsualRun:
        """Return the median duration of the type's last 20 completed jobs, and the longest silence in them.

        One of ten can have been silent for longer: it may have been stuck itself.
        """
        ended = and_(attempts.c.job_id == jobs.c.id, attempts.c.number == jobs.c.attempt)
        recent = (
            _recent_runs(type_name).add_columns(attempts.c.longest_silence).select_from(jobs).outerjoin(attempts, ended)
        )
        with reading(self.engine) as connection:
            rows = connection.execute(recent).all()
        silences = sorted(row.longest_silence for row in rows if row.longest_silence is not None)
        enough = len(silences) >= _LEAST_SAMPLES
        usual = silences[-1 - len(silences) // 10] if enough else None
        return UsualRun(duration=_median(rows), silence=None if usual is None else timedelta(seconds=usual))

    def last_started(self, viewer: Viewer) -> dict[str, datetime]:
        """Return when the viewer last started each type, among the newest `RECENT` roots that they own."""
        newest = (
            select(jobs.c.type, jobs.c.created_at)
            .where(jobs.c.owner_id == viewer.user_id, ROOTS)
            .order_by(jobs.c.id.desc())
            .limit(RECENT)
            .subquery()
        )
        latest = select(newest.c.type, func.max(newest.c.created_at, type_=UtcDateTime())).group_by(newest.c.type)
        with reading(self.engine) as connection:
            return {row[0]: row[1] for row in connection.execute(latest)}


def _is_queued(job: Job) -> bool:
    return job.status is Status.QUEUED and not job.record_only


def _ahead_of(job: Job, ceiling: int) -> CompoundSelect[str]:
    """Select the types of the jobs ahead, from three ranges of the claim's index; an ``OR`` would scan all of it."""
    same = jobs.c.priority == job.priority
    ranges = (
        (jobs.c.priority > job.priority,),
        (same, jobs.c.fair < job.fair),
        (same, jobs.c.fair == job.fair, jobs.c.id < job.id),
    )
    queued = (jobs.c.queue == job.queue, QUEUED)
    parts = [select(jobs.c.type).where(*queued, *conditions).limit(ceiling).subquery() for conditions in ranges]
    return union_all(*(select(part.c.type) for part in parts)).limit(ceiling)


def _place_in_key(connection: Connection, job: Job) -> int:
    """Count the jobs that start before this one and have the same key, up to `PLACES`."""
    line = (jobs.c.priority.desc(), jobs.c.fair, jobs.c.id)
    before = or_(
        jobs.c.priority > job.priority,
        and_(jobs.c.priority == job.priority, tuple_(jobs.c.fair, jobs.c.id) < tuple_(job.fair, job.id)),
    )
    same_key = jobs.c.rate_key == job.rate_key
    waiting = select(jobs.c.id).where(rates.WAITS_FOR_RATE, same_key, before).order_by(*line).limit(PLACES)
    queued = select(jobs.c.id).where(QUEUED, same_key).limit(PLACES)
    counts = (select(func.count()).select_from(each.subquery()) for each in (waiting, queued))
    return sum(connection.execute(count).scalar_one() for count in counts)


def _types_ahead(connection: Connection, job: Job, ceiling: int) -> dict[str, int]:
    ahead = _ahead_of(job, ceiling).subquery()
    counted = select(ahead.c.type, func.count()).group_by(ahead.c.type)
    return {row[0]: row[1] for row in connection.execute(counted)}


def _running(connection: Connection, queue: str) -> list[tuple[str, timedelta]]:
    """Return the type and the age of each running job of a queue."""
    conditions = (jobs.c.queue == queue, jobs.c.status == "running", jobs.c.started_at.is_not(None))
    rows = select(jobs.c.type, jobs.c.started_at, now().label("now")).where(*conditions).limit(PLACES)
    return [(row.type, row.now - _as_datetime(row.started_at)) for row in connection.execute(rows)]


def _as_datetime(value: Any) -> datetime:
    at: datetime = value
    return at


def _usual_duration(connection: Connection, type_name: str) -> timedelta | None:
    return _median(connection.execute(_recent_runs(type_name)).all())


def _median(runs: Sequence[Any]) -> timedelta | None:
    spans = [(run.finished_at - run.started_at).total_seconds() for run in runs if run.finished_at and run.started_at]
    return timedelta(seconds=median(spans)) if spans else None


def _recent_runs(type_name: str) -> Select[datetime | None, datetime | None]:
    return (
        select(jobs.c.started_at, jobs.c.finished_at)
        .where(jobs.c.type == type_name, jobs.c.status == "completed", jobs.c.started_at.is_not(None))
        .order_by(jobs.c.id.desc())
        .limit(_SAMPLES)
    )


def _divided_work(
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
        if (each := usual[name]) is None or age > 2 * each:  # its end cannot be predicted
            return None
        work += max(each - age, timedelta())
    return work / workers
