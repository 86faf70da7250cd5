"""Runs: what became of the times of schedules, with the status of each job as it stands now."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, ScalarSelect, Select, and_, delete, or_, select

from webapp.db.engine import reading, writing
from webapp.jobs.schedules.schedule import ScheduleRun, to_run
from webapp.schema import jobs, later, schedule_runs, schedules

RECENT_RUNS = 30  # of so many the newest are always kept
_BATCH = 500
_AT_ONCE = 50  # schedules; databases refuse conditions of any length
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: tuple[Any, ...] = (
    *(schedule_runs.c.schedule_id, schedule_runs.c.fire_at, schedule_runs.c.fired_at, schedule_runs.c.outcome),
    *(schedule_runs.c.job_id, schedule_runs.c.asked_by, schedule_runs.c.detail, jobs.c.status),
)


class RunHistory:
    """The runs of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_schedule(self, schedule_id: UUID, limit: int) -> tuple[ScheduleRun, ...]:
        """Return the runs of one schedule, newest first."""
        mine = _runs().where(schedule_runs.c.schedule_id == schedule_id)
        with reading(self._engine) as connection:
            rows = connection.execute(mine.order_by(schedule_runs.c.fire_at.desc()).limit(limit)).mappings()
            return tuple(map(to_run, rows))

    def latest(self) -> Mapping[UUID, tuple[ScheduleRun, ...]]:
        """Return the last `RECENT_RUNS` runs of every schedule, newest first, in a few statements along one index."""
        found: dict[UUID, list[ScheduleRun]] = defaultdict(list)
        with reading(self._engine) as connection:
            firsts = connection.execute(select(schedules.c.id, _first_of_strip(schedules.c.id).label("first"))).all()
            for begin in range(0, len(firsts), _AT_ONCE):
                some = or_(*(_since(row.id, row.first) for row in firsts[begin : begin + _AT_ONCE]))
                rows = connection.execute(_runs().where(some).order_by(schedule_runs.c.fire_at.desc())).mappings()
                for row in rows:
                    found[row["schedule_id"]].append(to_run(row))
        return {schedule_id: tuple(runs) for schedule_id, runs in found.items()}

    def schedule_of(self, job_id: UUID) -> tuple[UUID, str] | None:
        """Return the id and the name of the schedule that made a job, if one did."""
        made = select(schedules.c.id, schedules.c.name).join(schedule_runs)
        with reading(self._engine) as connection:
            row = connection.execute(made.where(schedule_runs.c.job_id == job_id)).first()
        return (row.id, row.name) if row else None

    def prune(self, older_than: timedelta, *, only_count: bool = False) -> int:
        """Forget runs of longer ago, but the last `RECENT_RUNS` of each schedule; return how many."""
        old = select(schedule_runs.c.id).where(
            schedule_runs.c.fired_at < later(-older_than.total_seconds()),
            schedule_runs.c.fire_at < _first_of_strip(schedule_runs.c.schedule_id),
        )
        if only_count:
            with reading(self._engine) as connection:
                return len(connection.execute(old).all())
        count = 0
        while removed := self._remove(old.limit(_BATCH)):
            count += removed
        return count

    def _remove(self, some: Select[int]) -> int:
        with writing(self._engine) as connection:
            ids = connection.execute(some).scalars().all()
            return connection.execute(delete(schedule_runs).where(schedule_runs.c.id.in_(ids))).rowcount


def _runs() -> Select[Any]:
    return select(*_SHOWN).select_from(schedule_runs.outerjoin(jobs, jobs.c.id == schedule_runs.c.job_id))


def _since(schedule_id: UUID, first: datetime | None) -> ColumnElement[bool]:
    return and_(schedule_runs.c.schedule_id == schedule_id, schedule_runs.c.fire_at >= (first or _EVER))


def _first_of_strip(schedule_id: Any) -> ScalarSelect[Any]:
    """Return when the oldest of a schedule's last `RECENT_RUNS` runs was due; NULL while it has fewer."""
    same = schedule_runs.alias()
    ranked = select(same.c.fire_at).where(same.c.schedule_id == schedule_id).order_by(same.c.fire_at.desc())
    return ranked.limit(1).offset(RECENT_RUNS - 1).scalar_subquery()
