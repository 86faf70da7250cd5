"""Cursors move under a lock and never past rows that can still appear."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from tests.jobs.conftest import end
from tests.jobs.metrics.test_service import claim, counted
from webapp.db.engine import reading, writing
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.metrics.cursors import Cursor, lock_cursor, move_cursor, upsert
from webapp.jobs.model.job import Status
from webapp.schema import error_hours
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_a_new_cursor_starts_before_the_first_event(services: Services) -> None:
    with lock_cursor(services.engine, "new") as (_, cursor):
        assert cursor == Cursor(event_id=0, moment=None)


def test_a_moved_cursor_continues_where_it_was(services: Services) -> None:
    with lock_cursor(services.engine, "moved") as (connection, _):
        move_cursor(connection, "moved", event_id=7)
        move_cursor(connection, "moved")
    with lock_cursor(services.engine, "moved") as (_, cursor):
        assert cursor.event_id == 7


@pytest.mark.parametrize(("changes", "count"), [({"count": "add"}, 3), ({"count": "replace"}, 2), (None, 1)])
def test_an_upsert_adds_replaces_or_keeps(services: Services, changes: dict[str, str] | None, count: int) -> None:
    hour = services.queries.jobs.now().replace(minute=0, second=0, microsecond=0)
    row = {"fingerprint": "f", "hour": hour}
    with writing(services.engine) as connection:
        connection.execute(insert(error_hours).values(**row, count=1))
        upsert(connection, error_hours, [{**row, "count": 2}], changes)
    with reading(services.engine) as connection:
        assert connection.execute(select(error_hours.c.count)).scalars().all() == [count]


def test_a_late_commit_is_not_missed(
    services: Services, lease: UUID, database: str, roll_up: Callable[[], None]
) -> None:
    if database == "sqlite":
        return  # SQLite has one writer at a time
    late, soon = claim(services, lease), claim(services, lease)
    location: Any = finish_attempt.AttemptLocation(worker="w", host="h", pid=1)
    ending = Ending(status=Status.FAILED, outcome="failed", error="broken")
    with services.engine.begin() as connection:
        finish_attempt.end_attempt(connection, late, location, ending)
        end(services, soon, Status.FAILED, error="broken")
        roll_up()
    roll_up()
    assert counted(services) == (2, 2, 2)
