"""Each scheduled time fires exactly once."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from tests.jobs.schedules.test_runner import all_jobs, runs
from webapp.db.engine import writing
from webapp.jobs.model.job import Owner
from webapp.jobs.schedules.runner import ScheduleRunner
from webapp.jobs.schedules.schedule import Schedule
from webapp.schema import jobs, schedules
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Add = Callable[..., Schedule]
Rewind = Callable[..., Schedule]


def test_each_time_fires_once_with_several_clocks(services: Services, add: Add, rewind: Rewind) -> None:
    due = [rewind(add(f"Schedule {number}", missed="all"), minutes=9) for number in range(5)]
    start = Barrier(6)

    def tick() -> None:
        start.wait()
        with suppress(OperationalError):  # on a slow machine, waiting for another clock's lock can time out
            services.schedule_runner.fire_due()

    clocks = [Thread(target=tick) for _ in range(6)]
    for clock in clocks:
        clock.start()
    for clock in clocks:
        clock.join()
    services.schedule_runner.fire_due()  # the next round of a clock that gave up
    times = [[run.fire_at for run in runs(services, schedule)] for schedule in due]
    assert [len(of_one) for of_one in times] == [len(set(of_one)) for of_one in times]
    assert {len(of_one) for of_one in times} <= {10, 11}, "one more if a minute has just started"
    assert len(all_jobs(services)) == sum(map(len, times))


def test_a_time_that_has_fired_does_not_fire_again(services: Services, add: Add, rewind: Rewind) -> None:
    schedule = add()
    due = rewind(schedule, minutes=0)
    services.schedule_runner.fire_due()
    with writing(services.engine) as connection:
        connection.execute(update(schedules).values(next_fire_at=due.next_fire_at))
    assert services.schedule_runner.fire_due() == 0
    assert len(all_jobs(services)) == 1


def test_a_schedule_that_is_paused_after_it_was_read_does_not_fire(
    services: Services, add: Add, rewind: Rewind
) -> None:
    due = rewind(add(), minutes=0)
    services.schedules.pause(due)
    assert services.schedule_runner._fire(due, datetime.now(UTC)) == 0
    assert all_jobs(services) == ()


def test_a_clock_that_dies_before_the_commit_leaves_nothing(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    event.listen(services.engine, "commit", die)
    with pytest.raises(KeyboardInterrupt):
        services.schedule_runner.fire_due()
    event.remove(services.engine, "commit", die)
    assert (all_jobs(services), runs(services, due)) == ((), ())
    assert services.schedule_runner.fire_due() == 1


def test_only_one_of_two_processes_fires_a_time(services: Services, add: Add, rewind: Rewind) -> None:
    due = rewind(add(), minutes=0)
    at = due.next_fire_at or datetime.now(UTC)
    first, second = (
        services.schedule_runner,
        ScheduleRunner(
            services.engine,
            registry=services.registry,
            vault=services.vault,
            store=services.jobs.store,
            wake=str,
            owner_now=lambda user_id, _: Owner(user_id=user_id),
        ),
    )
    assert first._fire(due, at + timedelta(seconds=1)) == 1
    assert second._fire(due, at + timedelta(seconds=1)) == 0
    with services.engine.connect() as connection:
        assert len(connection.execute(select(jobs.c.id)).all()) == 1
