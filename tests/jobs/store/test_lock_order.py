"""What a verb may touch is locked before it touches anything, also what comes while it waits."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.exc import OperationalError

from webapp.db.engine import writing
from webapp.jobs.model.job import Job
from webapp.jobs.store import lock_order
from webapp.schema import jobs
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


@pytest.fixture
def database() -> str:
    """SQLite has one writer at a time and locks no rows."""
    return "postgresql"


def test_a_job_is_locked_with_all_that_its_end_may_touch(services: Services, running: Callable[..., Job]) -> None:
    root = running()
    child = services.jobs.create_child_job(root.id, "nothing")
    follower = services.jobs.create_job("nothing", after=[child.id])
    its_part = services.jobs.create_child_job(follower.id, "nothing")
    follower_of_the_part = services.jobs.create_job("nothing", after=[its_part.id])
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [root.id])
        for one in (root, child, its_part):
            assert not is_free(services.engine, one.id)
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [child.id])
        for one in (root, child, follower, its_part, follower_of_the_part):
            assert not is_free(services.engine, one.id)
    assert is_free(services.engine, follower.id)


def test_a_child_that_comes_while_locks_are_waited_for_is_locked_too(
    services: Services, running: Callable[..., Job]
) -> None:
    root = running()
    services.jobs.create_child_job(root.id, "nothing")
    late: list[Job] = []
    before_the_lock(services.engine, lambda: late.append(services.jobs.create_child_job(root.id, "nothing")))
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [root.id])
        assert not is_free(services.engine, late[0].id)


def test_what_is_held_for_nobody_here_stays_free(services: Services, make: Callable[..., Job]) -> None:
    one, other = make(), make()
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [one.id])
        assert is_free(services.engine, other.id)


def before_the_lock(engine: Engine, act: Callable[[], Any]) -> None:
    """Have ``act`` done once, by somebody else, when locks are asked for."""
    done = []

    @event.listens_for(engine, "before_cursor_execute")
    def look(_: Connection, __: Any, statement: str, *___: Any) -> None:
        if "FOR NO KEY UPDATE" in statement and not done:
            done.append(True)
            act()


def is_free(engine: Engine, job_id: UUID) -> bool:
    try:
        with writing(engine) as connection:
            connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update(nowait=True))
    except OperationalError:
        return False
    return True
