"""Schedules with several real clocks that are killed at random, on both databases."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from tests.forked_commands import ForkedCommand
from tests.installation import environment, wait_for
from webapp.config import Settings
from webapp.db.engine import reading, writing
from webapp.jobs.schedules.cron_rule import CronRule
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.schema import database_time, jobs, now, schedule_runs, schedules
from webapp.services import Services

CLOCKS, KILLS, MINUTES = 3, 3, 15
MINUTELY = CronRule("* * * * *", "UTC")
Start = Callable[[], ForkedCommand]


@pytest.fixture
def start_clock(settings: Settings) -> Iterator[Start]:
    started: list[ForkedCommand] = []
    ours = {
        "DESKJOB_DATA_DIR": str(settings.data_dir),
        "DESKJOB_DATABASE_URL": settings.database,
        "DESKJOB_REDIS_URL": settings.redis,
        "DESKJOB_SECRET_KEY": "k" * 32,
    }

    def start() -> ForkedCommand:
        started.append(ForkedCommand(("clock",), {**environment(), **ours}, settings.data_dir / "output"))
        return started[-1]

    yield start
    for clock in started:
        clock.kill()
        clock.wait()


def due_since(services: Services, number: int, minutes: int) -> UUID:
    """Make a schedule whose first time was so many minutes ago; all of them are to fire."""
    draft = ScheduleDraft(name=f"Schedule {number}", rule=MINUTELY.text, zone=MINUTELY.zone, missed="all")
    made = services.schedules.add("maintenance", {}, draft)
    with writing(services.engine) as connection:
        first = database_time(connection) - timedelta(minutes=minutes)
        values = {"next_fire_at": first.replace(second=0, microsecond=0)}
        connection.execute(update(schedules).where(schedules.c.id == made.id).values(**values))
    return made.id


def is_done(services: Services) -> bool:
    with reading(services.engine) as connection:
        due = select(func.count()).where(schedules.c.next_fire_at <= now())
        return connection.execute(due).scalar_one() == 0


@pytest.mark.exhaustive
def test_each_time_fires_once_even_if_clocks_are_killed(services: Services, start_clock: Start, database: str) -> None:
    dice = random.Random(2026)
    clocks = [start_clock() for _ in range(CLOCKS)]
    first = due_since(services, 0, 0)
    wait_for(lambda: services.run_history.of_schedule(first, 1))
    made = 1
    for _ in range(KILLS):
        until = time.monotonic() + dice.uniform(0.2, 0.8)
        while time.monotonic() < until:
            due_since(services, made, MINUTES)
            made += 1
            time.sleep(0.05)
        victim = clocks.pop(dice.randrange(len(clocks)))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        clocks.append(start_clock())
    wait_for(lambda: is_done(services))
    for clock in clocks:
        clock.kill()
        clock.wait()
    with reading(services.engine) as connection:
        ticks = connection.execute(select(schedule_runs.c.schedule_id, schedule_runs.c.fire_at)).all()
        linked = connection.execute(select(schedule_runs.c.job_id)).scalars().all()
        there = connection.execute(select(jobs.c.id).where(jobs.c.unique_key.is_(None))).scalars().all()
    assert len(ticks) == len(set(ticks)) == len(there)
    assert sorted(linked) == sorted(there)
    for schedule_id, count in Counter(tick.schedule_id for tick in ticks).items():
        times = sorted(tick.fire_at for tick in ticks if tick.schedule_id == schedule_id)
        assert times == [times[0], *MINUTELY.between(times[0], times[-1])], "no time was left out"
        assert count > MINUTES or schedule_id == first
    assert len({tick.schedule_id for tick in ticks}) == made
