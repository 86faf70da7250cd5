from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.jobs.schedules.schedule import Schedule
from webapp.schema import database_time, schedules
from webapp.services import Services


@pytest.fixture
def add(services: Services) -> Callable[..., Schedule]:
    """Add a schedule of the type "nothing" that fires every minute; options as `ScheduleDraft` takes them."""

    def add(name: str = "Nightly", type_name: str = "nothing", payload: Any = None, **options: Any) -> Schedule:
        draft = ScheduleDraft(**{"name": name, "rule": "* * * * *", "zone": "UTC", **options})
        return services.schedules.add(type_name, payload or {}, draft)

    return add


@pytest.fixture
def rewind(services: Services) -> Callable[..., Schedule]:
    """Make a schedule overdue: `rewind(schedule, minutes=3)`; its time is a whole minute."""

    def rewind(schedule: Schedule, **ago: float) -> Schedule:
        with writing(services.engine) as connection:
            at = database_time(connection) - timedelta(**ago)
            whole = at.replace(second=0, microsecond=0)
            statement = update(schedules).where(schedules.c.id == schedule.id).values(next_fire_at=whole)
            connection.execute(statement)
        return services.schedules.get(schedule.id)

    return rewind
