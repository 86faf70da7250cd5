"""The timetable: schedules that are due every minute, and had been for some minutes when they were made.

Each of these times must have made one job, however many clocks were killed over it.
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
from webapp.schema import jobs, now, schedule_runs, schedules
from webapp.services import Services

_MINUTE = timedelta(minutes=1)
_MOST_DUE = 5


class Timetable:
    """Makes schedules, lets them rest, and says which of their times made no job, or two."""

    def __init__(self, services: Services, dice: random.Random) -> None:
        self._services = services
        self._dice = dice
        self._first: dict[UUID, datetime] = {}  # the first time of each, where the database confirmed it

    def add(self, type_name: str) -> Schedule:
        """Make a schedule, some of whose times are over already; each of them is to fire."""
        draft = ScheduleDraft(
            name=f"Schedule {self._dice.random()}", rule="* * * * *", zone="UTC", missed=MisfirePolicy.ALL
        )
        made = self._services.schedules.add(type_name, {}, draft)
        with writing(self._services.engine) as connection:
            at = connection.execute(select(now())).scalar_one().replace(second=0, microsecond=0)
            first = at - _MINUTE * self._dice.randint(1, _MOST_DUE)
            connection.execute(update(schedules).where(schedules.c.id == made.id).values(next_fire_at=first))
        self._first[made.id] = first
        return made

    def is_up_to_date(self) -> bool:
        """Tell whether every time that is over has fired."""
        late = select(func.count()).where(schedules.c.next_fire_at <= now())
        with reading(self._services.engine) as connection:
            return connection.execute(late).scalar_one() == 0

    def rest(self) -> None:
        """Let no schedule make a job from now on."""
        for schedule in self._services.schedules.all():
            if schedule.paused_at is None:
                self._services.schedules.pause(schedule, why="All is over.")

    def wrong(self) -> Iterator[str]:
        """Say which times made no job, or not one of their own."""
        with reading(self._services.engine) as connection:
            there = set(connection.execute(select(jobs.c.id)).scalars())
            rows = connection.execute(select(schedule_runs).where(schedule_runs.c.asked_by.is_(None))).all()
            rested = dict(connection.execute(select(schedules.c.id, schedules.c.paused_at)).all())
        linked = [row.job_id for row in rows if row.job_id]
        if len(set(linked)) != len(linked):
            yield "a job stands for several times of schedules"
        of_rule = defaultdict[UUID, dict[datetime, UUID]](dict)
        for row in rows:
            if not row.fire_at.microsecond:  # what somebody asked for lies between the minutes
                of_rule[row.schedule_id][row.fire_at] = row.job_id
        for schedule_id, until in rested.items():
            if until is None:
                yield f"schedule {schedule_id.hex[-8:]} was never paused"
                continue
            mine = of_rule[schedule_id]
            first = self._first.get(schedule_id) or min(mine, default=until)
            for at in _minutes(first, until):
                if mine.get(at) not in there:
                    yield f"schedule {schedule_id.hex[-8:]} made no job at {at}"


def _minutes(first: datetime, until: datetime) -> Iterator[datetime]:
    """Go through those that had fired when the schedule was paused, a moment after it was up to date."""
    while first < until - timedelta(seconds=5):
        yield first
        first += _MINUTE
