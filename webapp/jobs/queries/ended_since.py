"""What ended or did not start since a time: the facts of the page "While you were away"."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, case, func, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Status
from webapp.jobs.queries.visible_jobs import HAS_WARNINGS, ROOTS
from webapp.schema import error_groups, jobs, schedule_runs, schedules

MOST_JOBS = 10_000  # of one user, the newest ones
MOST_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedJobCounts:
    """How many jobs of one type and user have ended in which way; ``warned`` are those of ``done`` with warnings."""

    type: str
    done: int = 0
    warned: int = 0
    failed: int = 0
    stopped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfiredSchedule:
    """A schedule of which ``count`` times started no job; ``outcome`` and ``detail`` are those of the last one."""

    id: UUID
    name: str
    count: int
    last_at: datetime
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewError:
    """An error that was first seen since the time."""

    fingerprint: str
    type: str
    message: str
    count: int
    last_seen_at: datetime


class EndedSince:
    """Reads these facts; each method returns at most `MOST_ROWS` rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def jobs_of(self, user_id: UUID, since: datetime) -> tuple[EndedJobCounts, ...]:
        """Count the user's ended jobs by type, those with failures first."""
        columns = (jobs.c.type, jobs.c.status, jobs.c.finished_at, HAS_WARNINGS.label("warned"))
        own = select(*columns).where(jobs.c.owner_id == user_id, ROOTS).order_by(jobs.c.id.desc())
        newest = own.limit(MOST_JOBS).subquery()

        def count(*statuses: Status, warned: bool = False) -> Any:
            values = [status.value for status in statuses]
            counted = newest.c.status.in_(values) & newest.c.warned if warned else newest.c.status.in_(values)
            return func.count(case((counted, 1)))

        failed = count(Status.FAILED, Status.STALE)
        counts = {
            "done": count(Status.COMPLETED),
            "warned": count(Status.COMPLETED, warned=True),
            "failed": failed,
            "stopped": count(Status.CANCELLED),
        }
        by_type = select(newest.c.type, *(value.label(name) for name, value in counts.items()))
        ended = by_type.where(newest.c.finished_at >= since).group_by(newest.c.type)
        ordered = ended.order_by(failed.desc(), func.count().desc(), newest.c.type).limit(MOST_ROWS)
        with reading(self._engine) as connection:
            return tuple(EndedJobCounts(**row) for row in connection.execute(ordered).mappings())

    def unfired(self, since: datetime, *, owner_id: UUID | None = None) -> tuple[UnfiredSchedule, ...]:
        """Return the schedules with times that started no job, latest first; all, or those of one owner."""
        without_job = [schedule_runs.c.fired_at >= since, schedule_runs.c.job_id.is_(None)]
        if owner_id is not None:
            without_job.append(schedules.c.owner_id == owner_id)
        counted = (
            select(schedule_runs.c.schedule_id, func.count().label("count"), func.max(schedule_runs.c.id).label("last"))
            .join(schedules, schedules.c.id == schedule_runs.c.schedule_id)
            .where(*without_job)
            .group_by(schedule_runs.c.schedule_id)
            .subquery()
        )
        columns = (schedules.c.id, schedules.c.name, counted.c.count, schedule_runs.c.fire_at.label("last_at"))
        rows = (
            select(*columns, schedule_runs.c.outcome, schedule_runs.c.detail)
            .join(counted, counted.c.schedule_id == schedules.c.id)
            .join(schedule_runs, schedule_runs.c.id == counted.c.last)
            .order_by(schedule_runs.c.id.desc())
            .limit(MOST_ROWS)
        )
        with reading(self._engine) as connection:
            return tuple(UnfiredSchedule(**row) for row in connection.execute(rows).mappings())

    def new_errors(self, since: datetime) -> tuple[NewError, ...]:
        """Return the open errors that were first seen since then, the most frequent first."""
        columns = [error_groups.c[name] for name in ("fingerprint", "type", "message", "count", "last_seen_at")]
        new = select(*columns).where(error_groups.c.first_seen_at >= since, error_groups.c.state == "open")
        with reading(self._engine) as connection:
            rows = connection.execute(new.order_by(error_groups.c.count.desc()).limit(MOST_ROWS)).mappings()
            return tuple(NewError(**row) for row in rows)
