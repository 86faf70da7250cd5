"""Demo schedules, and the jobs that they started in the past weeks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, insert, select, update

from webapp.db.engine import reading, writing
from webapp.demo.history import draw_scheduled_job
from webapp.demo.job_rows import PastJob
from webapp.demo.people import Staff
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import RunOutcome, Schedule
from webapp.schema import schedule_runs, schedules
from webapp.services import Services

_EXPORT, _ZONE = "job_history_export", "Europe/Madrid"
_CREATED_AGO, _PAUSED_AGO = timedelta(days=40), timedelta(days=3)
_BUSY_EVERY = 9  # every ninth run of a schedule with one job at a time is skipped
_BUSY = "The previous job had not finished."
_RUNS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSchedule:
    """A schedule; with ``why`` it is paused. Without an owner, it starts system jobs."""

    name: str
    type: str
    rule: str
    by: str
    owner: str = ""
    one_at_a_time: bool = False
    why: str = ""


SCHEDULES = (
    DemoSchedule(name="Nightly cleanup", type="maintenance", rule="30 2 * * *", by="dai"),
    DemoSchedule(name="Export for the auditors", type=_EXPORT, rule="0 6 * * 1", by="dai", owner="eva"),
    DemoSchedule(name="Monthly jobs", type=_EXPORT, rule="0 7 1 * *", by="admin", owner="ana"),
    DemoSchedule(name="Export for the shop", type=_EXPORT, rule="0 */4 * * *", by="admin", owner="chloe",
                 one_at_a_time=True),
    DemoSchedule(name="My jobs every Monday", type=_EXPORT, rule="30 8 * * 1", by="admin", owner="admin"),
    DemoSchedule(name="Export for the old warehouse", type=_EXPORT, rule="15 5 * * *", by="dai", owner="ben",
                 why="The warehouse is taking stock"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run of a schedule and the job that it started; without a job it was skipped."""

    schedule: Schedule
    at: datetime
    job: PastJob | None

    @property
    def row(self) -> dict[str, Any]:
        """The database row of the run."""
        outcome, detail = (RunOutcome.STARTED, "") if self.job else (RunOutcome.BUSY, _BUSY)
        job_id = self.job.id if self.job else None
        known = {"schedule_id": self.schedule.id, "fire_at": self.at, "fired_at": self.at, "job_id": job_id}
        return {**known, "outcome": outcome.value, "detail": detail}


def create_schedules(services: Services, staff: Staff) -> tuple[Schedule, ...]:
    """Create the missing schedules, dated some weeks ago."""
    with reading(services.engine) as connection:
        known = set(connection.execute(select(schedules.c.name)).scalars())
    created = tuple(_add(services, demo, staff) for demo in SCHEDULES if demo.name not in known)
    now = services.queries.jobs.now()
    for schedule, demo in zip(created, [demo for demo in SCHEDULES if demo.name not in known], strict=True):
        if demo.why:
            services.schedules.pause(schedule, reason=demo.why, by=staff["dai"].id)
        values = {"created_at": now - _CREATED_AGO, **({"paused_at": now - _PAUSED_AGO} if demo.why else {})}
        with writing(services.engine) as connection:
            connection.execute(update(schedules).where(schedules.c.id == schedule.id).values(**values))
    return tuple(services.schedules.get(schedule.id) for schedule in created)


def draw_runs(services: Services, created: Iterable[Schedule], rng: Random) -> tuple[PastRun, ...]:
    """Return the latest runs of each schedule, with random outcomes of their jobs."""
    return tuple(run for schedule in created for run in _draw_runs(services, schedule, rng))


def write_runs(connection: Connection, past: Sequence[PastRun]) -> None:
    """Write the runs; their jobs must exist already."""
    if past:
        connection.execute(insert(schedule_runs), [run.row for run in sorted(past, key=lambda run: run.at)])


def _add(services: Services, demo: DemoSchedule, staff: Staff) -> Schedule:
    owner = Owner(user_id=staff[demo.owner].id, tenant=staff[demo.owner].tenant) if demo.owner else Owner(public=True)
    draft = ScheduleDraft(name=demo.name, rule=demo.rule, zone=_ZONE, one_at_a_time=demo.one_at_a_time, owner=owner)
    return services.schedules.add(demo.type, {}, draft, by=staff[demo.by].id)


def _draw_runs(services: Services, schedule: Schedule, rng: Random) -> Iterator[PastRun]:
    now = services.queries.jobs.now()
    until = (schedule.paused_at or now) - timedelta(minutes=20)
    times = schedule.rule.latest(now - _CREATED_AGO, until, _RUNS)
    for number, at in enumerate(times, 1):
        if schedule.one_at_a_time and number % _BUSY_EVERY == 0:
            yield PastRun(schedule=schedule, at=at, job=None)
        else:
            owner_id = schedule.owner.user_id
            job = draw_scheduled_job(at, schedule.type, owner_id=owner_id, registry=services.registry, rng=rng)
            yield PastRun(schedule=schedule, at=at, job=job)
