"""Due schedules create their jobs, and a user can run a schedule at once."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Status
from webapp.jobs.schedules.job_factory import PreviousRunUnfinished
from webapp.jobs.schedules.schedule import RunOutcome, Schedule, ScheduleRun
from webapp.schema import schedules
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Add = Callable[..., Schedule]
Rewind = Callable[..., Schedule]


def runs(services: Services, schedule: Schedule) -> tuple[ScheduleRun, ...]:
    return services.run_history.of_schedule(schedule.id, 500)


def outcomes(services: Services, schedule: Schedule) -> list[str]:
    return [run.outcome for run in runs(services, schedule)]


def all_jobs(services: Services) -> tuple[Job, ...]:
    return services.queries.all_jobs.newest(500)


def change(services: Services, **values: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(schedules).values(**values))


def test_a_due_schedule_creates_its_job_and_advances(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)
    assert services.schedule_runner.fire_due() == 1
    [job], [run] = all_jobs(services), runs(services, due)
    assert (job.type, job.status, job.queue, job.priority) == ("nothing", Status.QUEUED, "default", 100)
    assert (run.fire_at, run.job_id, run.outcome, run.status) == (
        due.next_fire_at,
        job.id,
        RunOutcome.STARTED,
        Status.QUEUED,
    )
    moved = services.schedules.get(due.id).next_fire_at
    assert moved is not None
    assert moved > run.fired_at
    assert services.schedule_runner.fire_due() == 0
    assert services.run_history.schedule_of(job.id) == (due.id, "Nightly")


def test_a_scheduled_job_wakes_its_queue(services: Services, add: Add, rewind: Rewind) -> None:
    rewind(add(queue="default"), minutes=0)
    services.wake_ups.connection.delete("rq:queue:default")
    services.schedule_runner.fire_due()
    assert services.wake_ups.connection.llen("rq:queue:default") == 1


def test_a_tick_without_due_schedules_is_one_indexed_query(services: Services, add: Add) -> None:
    add()
    with recorded(services.engine) as sent:
        assert services.schedule_runner.fire_due() == 0
    [(statement, parameters)] = sent
    assert "ix_schedules_due" in plan_of(services.engine, statement, parameters, as_if_large=True)


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", ["started"] * 5 + ["missed"]),
        ("once", ["started", "missed"]),
        ("all", ["started"] * 21),
    ],
)
def test_missed_times_follow_the_misfire_policy(
    services: Services, add: Add, rewind: Rewind, missed: str, expected: list[str]
) -> None:
    due = rewind(add(missed=missed), minutes=20)
    services.schedule_runner.fire_due()
    actual = outcomes(services, due)
    assert actual[: len(expected)] == expected[: len(actual)]
    assert len(actual) - len(expected) in {0, 1}, "one more if a minute has just started"
    assert len(all_jobs(services)) == actual.count("started")


def test_a_schedule_with_one_job_at_a_time_skips_a_run_while_its_job_is_unfinished(
    services: Services, add: Add, rewind: Rewind
) -> None:
    schedule = add(one_at_a_time=True, missed="all")
    rewind(schedule, minutes=2)
    services.schedule_runner.fire_due()
    history = runs(services, schedule)
    assert [run.outcome for run in history].count("started") == 1
    assert history[0].detail == "The previous job had not finished."
    with pytest.raises(PreviousRunUnfinished, match="'Nightly' runs one job at a time"):
        services.schedule_runner.run_now(schedule)
    services.jobs.cancel(all_jobs(services)[0].id)
    assert services.schedule_runner.run_now(schedule).status is Status.QUEUED


def test_a_paused_schedule_does_not_fire_but_can_run_now(services: Services, add: Add, rewind: Rewind) -> None:
    paused = services.schedules.pause(rewind(add(), minutes=1))
    assert services.schedule_runner.fire_due() == 0
    assert services.schedule_runner.run_now(paused).priority == 200


def test_run_now_records_the_user_who_asked(services: Services, add: Add, people: Callable[[], UUID]) -> None:
    schedule, person = add(), people()
    job = services.schedule_runner.run_now(schedule, by=person)
    [run] = runs(services, schedule)
    assert (job.priority, job.triggered_by, run.job_id, run.asked_by) == (200, person, job.id, person)
    assert services.schedules.get(schedule.id) == schedule, "its scheduled times do not change"


def test_a_zone_that_no_longer_exists_is_recorded_once(services: Services, add: Add, rewind: Rewind) -> None:
    schedule = rewind(add(), minutes=0)
    change(services, zone="Mars/Base")
    assert (services.schedule_runner.fire_due(), services.schedule_runner.fire_due()) == (0, 0)
    [run] = runs(services, schedule)
    assert run.detail == "Unknown time zone 'Mars/Base'. Example: Europe/Madrid."
    assert services.schedules.get(schedule.id).next_fire_at is None
