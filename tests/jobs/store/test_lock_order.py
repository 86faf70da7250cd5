"""An operation locks all rows that it can change first, including rows added while it waits."""

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

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect, pytest.mark.partitions]


@pytest.fixture
def database() -> str:
    """SQLite has one writer at a time and locks no rows."""
    return "postgresql"


def test_a_job_is_locked_with_all_jobs_that_its_end_can_change(services: Services, running: Callable[..., Job]) -> None:
    root = running()
    child = services.jobs.create_child_job(root.id, "nothing")
    dependent = services.jobs.create_job("nothing", after=[child.id])
    child_of_dependent = services.jobs.create_child_job(dependent.id, "nothing")
    dependent_of_child = services.jobs.create_job("nothing", after=[child_of_dependent.id])
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [root.id])
        for job in (root, child, child_of_dependent):
            assert not is_free(services.engine, job.id)
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [child.id])
        for job in (root, child, dependent, child_of_dependent, dependent_of_child):
            assert not is_free(services.engine, job.id)
    assert is_free(services.engine, dependent.id)


def test_a_child_that_is_added_during_locking_is_locked_too(services: Services, running: Callable[..., Job]) -> None:
    root = running()
    services.jobs.create_child_job(root.id, "nothing")
    late: list[Job] = []
    before_the_lock(services.engine, lambda: late.append(services.jobs.create_child_job(root.id, "nothing")))
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [root.id])
        assert not is_free(services.engine, late[0].id)


def test_an_unrelated_job_is_not_locked(services: Services, make: Callable[..., Job]) -> None:
    job, other = make(), make()
    with writing(services.engine) as connection:
        lock_order.lock_families(connection, [job.id])
        assert is_free(services.engine, other.id)


def before_the_lock(engine: Engine, act: Callable[[], Any]) -> None:
    """Call ``act`` once, on another connection, before the first lock."""
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
