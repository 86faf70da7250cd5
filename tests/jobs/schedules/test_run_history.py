import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import insert

from tests.jobs.statements import plan_of, recorded
from webapp.db.engine import writing
from webapp.jobs.model.job import Status
from webapp.jobs.schedules.run_history import RECENT_RUNS
from webapp.jobs.schedules.schedule import Schedule
from webapp.schema import later, now, schedule_runs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Add = Callable[..., Schedule]


def add_missed_runs(services: Services, schedule: Schedule, count: int, days_ago: int = 0) -> None:
    """Insert missed runs, one per minute, ending some days ago."""
    with writing(services.engine) as connection:
        for minute in range(count):
            ago = -timedelta(days=days_ago, minutes=minute).total_seconds()
            row = {"schedule_id": schedule.id, "outcome": "missed", "fire_at": later(ago), "fired_at": later(ago)}
            connection.execute(insert(schedule_runs).values(**row))


def test_the_latest_runs_of_each_schedule_are_returned(services: Services, add: Add) -> None:
    many, few, none = add("Many"), add("Few"), add("None")
    add_missed_runs(services, many, RECENT_RUNS + 5)
    add_missed_runs(services, few, 2)
    job = services.schedule_runner.run_now(few)
    latest = services.run_history.latest()
    assert latest[many.id] == services.run_history.of_schedule(many.id, RECENT_RUNS)
    assert [run.status for run in latest[few.id]] == [Status.QUEUED, None, None]
    assert latest[few.id][0].job_id == job.id
    assert none.id not in latest


def test_the_latest_runs_are_read_along_an_index(services: Services, add: Add) -> None:
    add_missed_runs(services, add(), 3)
    add_missed_runs(services, add("Other"), 3)
    with recorded(services.engine) as statements:
        services.run_history.latest()
    for statement, parameters in statements:
        plan = plan_of(services.engine, statement, parameters, as_if_large=True)
        assert re.search(r"schedule_id=\? AND fire_at>\?|SEARCH .*schedule_id=\?|Cond: .*schedule_id = ", plan), plan
        assert "SCAN schedule_runs" not in plan


def test_a_run_has_the_current_status_of_its_job(services: Services, add: Add) -> None:
    schedule = add()
    job = services.schedule_runner.run_now(schedule)
    services.jobs.cancel(job.id)
    assert services.run_history.of_schedule(schedule.id, 1)[0].status is Status.CANCELLED
    services.jobs.delete(job.id)
    [run] = services.run_history.of_schedule(schedule.id, 1)
    assert (run.status, run.job_id) == (None, job.id)


def test_old_runs_are_pruned_except_the_latest_of_each_schedule(services: Services, add: Add) -> None:
    busy, rare = add("Busy"), add("Rare")
    add_missed_runs(services, busy, RECENT_RUNS + 7, days_ago=50)
    add_missed_runs(services, rare, 3, days_ago=50)
    services.schedule_runner.run_now(busy)
    month = timedelta(days=30)
    assert services.run_history.prune(month, only_count=True) == 8
    assert services.run_history.prune(month) == 8
    assert services.run_history.prune(month) == 0
    kept = [len(services.run_history.of_schedule(schedule.id, 99)) for schedule in (busy, rare)]
    assert kept == [RECENT_RUNS, 3]


def test_runs_younger_than_the_retention_are_kept(services: Services, add: Add) -> None:
    schedule = add()
    add_missed_runs(services, schedule, RECENT_RUNS + 5)
    assert services.pruner.prune_schedule_runs() == 0
    with writing(services.engine) as connection:
        assert connection.execute(schedule_runs.select().where(schedule_runs.c.fired_at <= now())).all()
