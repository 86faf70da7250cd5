"""Schedules that run every minute and were already due for some minutes when they were created.

Each of these times must create exactly one job, no matter how many schedulers were killed.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.schedule import Schedule
from webapp.schema import database_time, jobs, now, schedule_runs, schedules
from webapp.services import Services

_MINUTE = timedelta(minutes=1)
_MOST_DUE = 5


class Timetable:
    """Creates and pauses schedules, and reports times that created no job or more than one."""

    def __init__(self, services: Services, rng: random.Random) -> None:
        self._services = services
        self._rng = rng
        self._first: dict[UUID, datetime] = {}  # the first due time of each schedule whose creation was confirmed

    def add(self, type_name: str) -> Schedule:
        """Create a schedule that is overdue for some minutes; every missed time must run."""
        draft = ScheduleDraft(
            name=f"Schedule {self._rng.random()}", rule="* * * * *", zone="UTC", missed=MisfirePolicy.ALL
        )
        made = self._services.schedules.add(type_name, {}, draft)
        with writing(self._services.engine) as connection:
            at = database_time(connection).replace(second=0, microsecond=0)
            first = at - _MINUTE * self._rng.randint(1, _MOST_DUE)
            connection.execute(update(schedules).where(schedules.c.id == made.id).values(next_fire_at=first))
        self._first[made.id] = first
        return made

    def is_up_to_date(self) -> bool:
        """Return whether no schedule is overdue."""
        late = select(func.count()).where(schedules.c.next_fire_at <= now())
        with reading(self._services.engine) as connection:
            return connection.execute(late).scalar_one() == 0

    def pause_all(self) -> None:
        """Pause all schedules."""
        for schedule in self._services.schedules.all():
            if schedule.paused_at is None:
                self._services.schedules.pause(schedule, reason="The run is over.")

    def wrong(self) -> Iterator[str]:
        """Yield a sentence for every time without its own job."""
        with reading(self._services.engine) as connection:
            there = set(connection.execute(select(jobs.c.id)).scalars())
            rows = connection.execute(select(schedule_runs).where(schedule_runs.c.asked_by.is_(None))).all()
            rested = dict(connection.execute(select(schedules.c.id, schedules.c.paused_at)).all())
        linked = [row.job_id for row in rows if row.job_id]
        if len(set(linked)) != len(linked):
            yield "a job belongs to several times of schedules"
        of_rule = defaultdict[UUID, dict[datetime, UUID]](dict)
        for row in rows:
            if not row.fire_at.microsecond:  # manual runs lie between the minutes
                of_rule[row.schedule_id][row.fire_at] = row.job_id
        for schedule_id, until in rested.items():
            if until is None:
                yield f"schedule {schedule_id.hex[-8:]} was never paused"
                continue
            mine = of_rule[schedule_id]
            first = self._first.get(schedule_id) or min(mine, default=until)
            for at in _minutes(first, until):
                if mine.get(at) not in there:
                    yield f"schedule {schedule_id.hex[-8:]} created no job at {at}"


def _minutes(first: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the times that were due when the schedule was paused, shortly after it was up to date."""
    while first < until - timedelta(seconds=5):
        yield first
        first += _MINUTE
