"""What starts by itself in the demonstration: schedules, and the jobs that they have started."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, insert, select, update

from webapp.db.engine import reading, writing
from webapp.demo.history import on_time
from webapp.demo.job_rows import PastJob
from webapp.demo.people import Staff
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import RunOutcome, Schedule
from webapp.schema import schedule_runs, schedules
from webapp.services import Services

_EXPORT, _ZONE = "job_history_export", "Europe/Madrid"
_MADE, _PAUSED = timedelta(days=40), timedelta(days=3)  # ago
_BUSY_EVERY = 9  # of the runs of a plan that takes one at a time
_BUSY = "The previous job had not finished."
_RUNS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSchedule:
    """A schedule that somebody made; with ``why`` it is paused. Without an owner its jobs are the system's."""

    name: str
    type: str
    rule: str
    by: str
    owner: str = ""
    one_at_a_time: bool = False
    why: str = ""


SCHEDULES = (
    DemoSchedule(name="Clean up at night", type="maintenance", rule="30 2 * * *", by="dai"),
    DemoSchedule(name="Export for the auditors", type=_EXPORT, rule="0 6 * * 1", by="dai", owner="eva"),
    DemoSchedule(name="Jobs of the month", type=_EXPORT, rule="0 7 1 * *", by="admin", owner="ana"),
    DemoSchedule(name="Export for the shop", type=_EXPORT, rule="0 */4 * * *", by="admin", owner="chloe",
                 one_at_a_time=True),
    DemoSchedule(name="Export for the old warehouse", type=_EXPORT, rule="15 5 * * *", by="dai", owner="ben",
                 why="The warehouse counts its stock"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One time of a schedule, and the job that it started; without one there was another still."""

    schedule: Schedule
    at: datetime
    job: PastJob | None

    @property
    def row(self) -> dict[str, Any]:
        """As it is kept."""
        outcome, detail = (RunOutcome.STARTED, "") if self.job else (RunOutcome.BUSY, _BUSY)
        job_id = self.job.id if self.job else None
        known = {"schedule_id": self.schedule.id, "fire_at": self.at, "fired_at": self.at, "job_id": job_id}
        return {**known, "outcome": outcome.value, "detail": detail}


def plan(services: Services, staff: Staff) -> tuple[Schedule, ...]:
    """Make the schedules that are not there yet, as somebody did some weeks ago."""
    with reading(services.engine) as connection:
        known = set(connection.execute(select(schedules.c.name)).scalars())
    made = tuple(_add(services, one, staff) for one in SCHEDULES if one.name not in known)
    now = services.queries.jobs.now()
    for schedule, one in zip(made, [one for one in SCHEDULES if one.name not in known], strict=True):
        if one.why:
            services.schedules.pause(schedule, why=one.why, by=staff["dai"].id)
        values = {"created_at": now - _MADE, **({"paused_at": now - _PAUSED} if one.why else {})}
        with writing(services.engine) as connection:
            connection.execute(update(schedules).where(schedules.c.id == schedule.id).values(**values))
    return tuple(services.schedules.get(schedule.id) for schedule in made)


def runs(services: Services, made: Iterable[Schedule], chance: Random) -> tuple[PastRun, ...]:
    """Return the latest runs of each schedule, with jobs that went somehow."""
    return tuple(run for schedule in made for run in _runs(services, schedule, chance))


def write(connection: Connection, past: Sequence[PastRun]) -> None:
    """Write what became of each time; the jobs are there already."""
    if past:
        connection.execute(insert(schedule_runs), [run.row for run in sorted(past, key=lambda run: run.at)])


def _add(services: Services, one: DemoSchedule, staff: Staff) -> Schedule:
    owner = Owner(user_id=staff[one.owner].id) if one.owner else Owner(public=True)
    draft = ScheduleDraft(name=one.name, rule=one.rule, zone=_ZONE, one_at_a_time=one.one_at_a_time, owner=owner)
    return services.schedules.add(one.type, {}, draft, by=staff[one.by].id)


def _runs(services: Services, schedule: Schedule, chance: Random) -> Iterator[PastRun]:
    now = services.queries.jobs.now()
    until = (schedule.paused_at or now) - timedelta(minutes=20)
    times = schedule.rule.latest(now - _MADE, until, _RUNS)
    for number, at in enumerate(times, 1):
        if schedule.one_at_a_time and number % _BUSY_EVERY == 0:
            yield PastRun(schedule=schedule, at=at, job=None)
        else:
            owner_id = schedule.owner.user_id
            job = on_time(at, schedule.type, owner_id=owner_id, registry=services.registry, chance=chance)
            yield PastRun(schedule=schedule, at=at, job=job)
