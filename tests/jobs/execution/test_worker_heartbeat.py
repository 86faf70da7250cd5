import os
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.execution import worker_heartbeat
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import StopRequest, WorkerHeartbeat
from webapp.jobs.model.job import Job
from webapp.jobs.monitoring.workers import Worker, WorkerNotFound, Workers
from webapp.schema import later, workers

pytestmark = pytest.mark.usefixtures("database")
ME = Holder(host="h", boot_id="b", worker="w", pid=os.getpid())


@pytest.fixture
def heartbeat(engine: Engine) -> WorkerHeartbeat:
    heartbeat = WorkerHeartbeat(engine, ME, ["default", "reports"], "0.1.0+abc")
    heartbeat.poll()
    return heartbeat


@pytest.fixture
def known(engine: Engine) -> Workers:
    return Workers(engine, tuple)


def the_one(known: Workers) -> Worker:
    (worker,) = known.all()
    return worker


def poll_again(heartbeat: WorkerHeartbeat) -> StopRequest | None:
    """Poll as if a second had passed."""
    heartbeat._poll_due = 0.0
    return heartbeat.poll()


@pytest.mark.usefixtures("heartbeat")
def test_the_row_of_a_worker_has_its_host_and_queues(known: Workers) -> None:
    worker = the_one(known)
    assert (worker.host, worker.pid, worker.version) == ("h", os.getpid(), "0.1.0+abc")
    assert (worker.queues, worker.state, worker.has_row) == (("default", "reports"), "idle", True)
    assert worker.memory > 1024**2
    assert worker.horse_memory is None


@pytest.mark.usefixtures("heartbeat")
def test_a_worker_that_holds_a_lease_is_busy_with_its_job(known: Workers, running: Callable[..., Job]) -> None:
    job = running()
    worker = the_one(known)
    assert (worker.state, worker.job_id, worker.job_title) == ("busy", job.id, "Nothing")
    assert worker.job_started_at == job.started_at


def test_a_worker_gets_a_stop_request_with_its_next_poll(heartbeat: WorkerHeartbeat, known: Workers) -> None:
    assert poll_again(heartbeat) is None
    operator_id = uuid4()
    known.stop("w", StopRequest.DRAIN, by=operator_id)
    assert poll_again(heartbeat) is StopRequest.DRAIN
    worker = the_one(known)
    assert (worker.state, worker.stop_request, worker.stop_requested_by) == ("stopping", StopRequest.DRAIN, operator_id)


def test_a_stop_request_becomes_more_urgent_but_never_less(heartbeat: WorkerHeartbeat, known: Workers) -> None:
    for request in (StopRequest.DRAIN, StopRequest.NOW, StopRequest.DRAIN):
        known.stop("w", request)
    assert poll_again(heartbeat) is StopRequest.NOW


def test_a_missing_worker_cannot_be_stopped(known: Workers) -> None:
    with pytest.raises(WorkerNotFound, match=r"There is no worker w\. It may have stopped already"):
        known.stop("w", StopRequest.NOW)


@pytest.mark.usefixtures("heartbeat")
def test_the_jobs_of_a_work_horse_are_counted(engine: Engine, known: Workers) -> None:
    worker_heartbeat.add_job_counts(engine, "w", done=3, failed=1)
    worker_heartbeat.add_job_counts(engine, "w", done=2, failed=0)
    assert (the_one(known).done, the_one(known).failed) == (5, 1)


@pytest.mark.usefixtures("heartbeat")
def test_the_row_of_a_silent_worker_is_removed_when_it_holds_no_lease(
    engine: Engine, known: Workers, lease: UUID, services: object
) -> None:
    with writing(engine) as connection:
        connection.execute(update(workers).values(beat_at=later(-500)))
    assert worker_heartbeat.remove_silent_workers(engine, 30.0) == 0, "its lease is not settled yet"
    services.leases.settle(lease, why="It is over.")
    assert (the_one(known).state, the_one(known).silent_for > timedelta(seconds=400)) == ("lost", True)
    assert worker_heartbeat.remove_silent_workers(engine, 30.0) == 1
    assert known.all() == ()


def test_a_worker_inserts_its_row_again_after_it_was_removed(heartbeat: WorkerHeartbeat, engine: Engine) -> None:
    worker_heartbeat.remove_workers(engine, "w")
    heartbeat._beat_due = 0.0
    poll_again(heartbeat)
    with reading(engine) as connection:
        assert connection.execute(select(workers.c.name)).scalars().all() == ["w"]


@pytest.mark.usefixtures("heartbeat")
def test_dead_workers_are_found_by_pid_or_boot_id(known: Workers) -> None:
    assert known.dead_on_host("h", lambda _: True, "b") == ()
    assert known.dead_on_host("h", lambda _: False, "b") == ("w",)
    assert known.dead_on_host("h", lambda _: True, "another boot") == ("w",)
    assert known.dead_on_host("elsewhere", lambda _: False, "x") == ()
