from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from tests.jobs.conftest import HOLDER
from webapp.db.engine import writing
from webapp.jobs.model.job import Job
from webapp.jobs.monitoring.workers import Workers
from webapp.jobs.rq_queue.worker_registry import RegisteredWorker
from webapp.schema import later, leases
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
IDLE = RegisteredWorker(name="i", host="a", pid=7, queues=("x", "y"), state="idle", silent_for=timedelta(seconds=3))
SAME = RegisteredWorker(name="w", host="h", pid=1, queues=("x", "default"), state="idle", silent_for=None)


def test_a_worker_without_a_lease_has_the_state_that_redis_has(engine: Engine) -> None:
    (worker,) = Workers(engine, lambda: (IDLE,)).all()
    assert (worker.host, worker.pid, worker.queues, worker.state) == ("a", 7, ("x", "y"), "idle")
    assert (worker.silent_for, worker.job_id) == (timedelta(seconds=3), None)


def test_a_worker_with_a_lease_is_busy(engine: Engine, running: Callable[..., Job], lease: UUID) -> None:
    job = running()
    (worker,) = Workers(engine, lambda: (SAME,)).all()
    assert (worker.state, worker.job_id, worker.job_type) == ("busy", job.id, "nothing")
    assert worker.queues == ("x", "default")
    assert timedelta(0) <= worker.silent_for < timedelta(minutes=10)


@pytest.mark.usefixtures("lease")
def test_a_worker_that_redis_does_not_know_is_found_by_its_lease(engine: Engine) -> None:
    workers = Workers(engine, lambda: (IDLE,))
    assert [(worker.name, worker.queues) for worker in workers.all()] == [("i", ("x", "y")), ("w", ("default",))]
    assert [worker.name for worker in workers.in_database()] == ["w"]


@pytest.mark.dialect(both=True)
def test_a_worker_is_listed_once_if_the_database_has_opened_a_lease_that_it_does_not_know(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    job = running()
    services.leases.beat(lease)
    services.leases.open(HOLDER, "default")
    (worker,) = services.workers.in_database()
    assert (worker.state, worker.job_id) == ("busy", job.id)


def test_the_age_of_a_heartbeat_is_measured_by_the_database(engine: Engine, lease: UUID) -> None:
    with writing(engine) as connection:
        connection.execute(update(leases).where(leases.c.id == lease).values(beat_at=later(-3600)))
    (worker,) = Workers(engine, tuple).all()
    assert timedelta(minutes=59) < worker.silent_for < timedelta(minutes=80)
