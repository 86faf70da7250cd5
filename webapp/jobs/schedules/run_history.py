"""Run history: the outcome of each scheduled time, with the current status of its job."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, ScalarSelect, Select, and_, delete, or_, select

from webapp.db.engine import reading, writing
from webapp.jobs.schedules.schedule import ScheduleRun, to_run
from webapp.schema import jobs, later, schedule_runs, schedules

RECENT_RUNS = 30  # runs per schedule that lists show, and that pruning always keeps
_BATCH = 500
_SCHEDULES_PER_QUERY = 50  # databases limit the length of a condition
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: tuple[Any, ...] = (
    *(schedule_runs.c.schedule_id, schedule_runs.c.fire_at, schedule_runs.c.fired_at, schedule_runs.c.outcome),
    *(schedule_runs.c.job_id, schedule_runs.c.asked_by, schedule_runs.c.detail, jobs.c.status),
    *(jobs.c.started_at, jobs.c.finished_at),
)


class RunHistory:
    """Reads and prunes runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_schedule(self, schedule_id: UUID, limit: int, *, since: datetime | None = None) -> tuple[ScheduleRun, ...]:
        """Return the runs of one schedule that were due since ``since``, newest first."""
        own = _runs().where(_since(schedule_id, since))
        with reading(self._engine) as connection:
            rows = connection.execute(own.order_by(schedule_runs.c.fire_at.desc()).limit(limit)).mappings()
            return tuple(map(to_run, rows))

    def latest(self) -> Mapping[UUID, tuple[ScheduleRun, ...]]:
        """Return the last `RECENT_RUNS` runs of every schedule, newest first, in a few indexed statements."""
        found: dict[UUID, list[ScheduleRun]] = defaultdict(list)
        with reading(self._engine) as connection:
            firsts = connection.execute(select(schedules.c.id, _first_of_recent(schedules.c.id).label("first"))).all()
            for start in range(0, len(firsts), _SCHEDULES_PER_QUERY):
                recent = or_(*(_since(row.id, row.first) for row in firsts[start : start + _SCHEDULES_PER_QUERY]))
                rows = connection.execute(_runs().where(recent).order_by(schedule_runs.c.fire_at.desc())).mappings()
                for row in rows:
                    found[row["schedule_id"]].append(to_run(row))
        return {schedule_id: tuple(runs) for schedule_id, runs in found.items()}

    def schedule_of(self, job_id: UUID) -> tuple[UUID, str] | None:
        """Return the id and name of the schedule that created a job, if any."""
        creator = select(schedules.c.id, schedules.c.name).join(schedule_runs)
        with reading(self._engine) as connection:
            row = connection.execute(creator.where(schedule_runs.c.job_id == job_id)).first()
        return (row.id, row.name) if row else None

    def prune(self, older_than: timedelta, *, only_count: bool = False) -> int:
        """Delete older runs, except the last `RECENT_RUNS` of each schedule; return how many."""
        old = select(schedule_runs.c.id).where(
            schedule_runs.c.fired_at < later(-older_than.total_seconds()),
            schedule_runs.c.fire_at < _first_of_recent(schedule_runs.c.schedule_id),
        )
        if only_count:
            with reading(self._engine) as connection:
                return len(connection.execute(old).all())
        count = 0
        while deleted := self._delete(old.limit(_BATCH)):
            count += deleted
        return count

    def _delete(self, old: Select[int]) -> int:
        with writing(self._engine) as connection:
            ids = connection.execute(old).scalars().all()
            return connection.execute(delete(schedule_runs).where(schedule_runs.c.id.in_(ids))).rowcount


def _runs() -> Select[Any]:
    return select(*_COLUMNS).select_from(schedule_runs.outerjoin(jobs, jobs.c.id == schedule_runs.c.job_id))


def _since(schedule_id: UUID, first: datetime | None) -> ColumnElement[bool]:
    return and_(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.fire_at >= (first or _EPOCH))


def _first_of_recent(schedule_id: Any) -> ScalarSelect[Any]:
    """Return the time of the oldest of a schedule's last `RECENT_RUNS` runs; NULL while it has fewer."""
    same = schedule_runs.alias()
    ranked = select(same.c.fire_at).where(same.c.schedule_id == schedule_id).order_by(same.c.fire_at.desc())
    return ranked.limit(1).offset(RECENT_RUNS - 1).scalar_subquery()
