"""Workers stop on a request in the database."""

import os
from uuid import UUID

import psutil
import pytest

from tests.forked_commands import ForkedCommand
from tests.installation import ENDLESS_STEPS, Installation, wait_for
from webapp.jobs.execution.worker_heartbeat import StopRequest
from webapp.jobs.model.job import Status
from webapp.jobs.monitoring.workers import Worker


def one_worker(installation: Installation) -> ForkedCommand:
    pool = installation.start("worker", "--workers", "1")
    wait_for(lambda: len(installation.services.workers.in_database()) == 1)
    return pool


def the_worker(installation: Installation) -> Worker:
    (worker,) = installation.services.workers.in_database()
    return worker


def replaced(installation: Installation, old: Worker) -> Worker:
    def another() -> Worker | None:
        return next((one for one in installation.services.workers.in_database() if one.name != old.name), None)

    new = wait_for(another)
    wait_for(lambda: not psutil.pid_exists(old.pid))
    assert the_worker(installation) == new or len(installation.services.workers.in_database()) == 1
    return new


def slow_job(installation: Installation, payload: dict[str, float]) -> UUID:
    job_id = installation.job("steps", payload)
    wait_for(lambda: installation.get(job_id).state.get("step", 0) >= 2)
    return job_id


@pytest.mark.exhaustive
def test_an_idle_worker_stops_on_request_and_is_replaced(installation: Installation) -> None:
    one_worker(installation)
    worker = the_worker(installation)
    assert worker.state == "idle"
    installation.services.workers.stop(worker.name, StopRequest.DRAIN)
    replaced(installation, worker)
    assert "A worker stopped as requested" in installation.output


@pytest.mark.exhaustive
def test_a_draining_worker_finishes_its_job_and_takes_no_other(installation: Installation) -> None:
    one_worker(installation)
    job_id = slow_job(installation, {"steps": 40, "seconds": 0.1})
    next_id = installation.job("quick")
    worker = wait_for(lambda: (one := the_worker(installation)).job_id and one)
    assert worker.memory > 1024**2
    installation.services.workers.stop(worker.name, StopRequest.DRAIN)
    job = installation.await_status(job_id, Status.COMPLETED)
    assert job.attempt == 1, "it was not disturbed"
    new = replaced(installation, worker)
    installation.services.wake_ups.push("default")
    installation.await_status(next_id, Status.COMPLETED)
    assert [one.worker for one in installation.services.queries.jobs.attempts(job_id)] == [worker.name]
    assert [one.worker for one in installation.services.queries.jobs.attempts(next_id)] == [new.name]
    wait_for(lambda: the_worker(installation).done == 1)


@pytest.mark.exhaustive
def test_a_worker_that_stops_now_hands_its_job_back_with_its_checkpoint(installation: Installation) -> None:
    one_worker(installation)
    job_id = slow_job(installation, ENDLESS_STEPS)
    worker = the_worker(installation)
    installation.services.workers.stop(worker.name, StopRequest.NOW)
    replaced(installation, worker)
    assert installation.get(job_id).state["step"] >= 2
    (attempt,) = installation.services.queries.jobs.attempts(job_id)
    assert (attempt.outcome, attempt.worker) == ("interrupted", worker.name)


@pytest.mark.exhaustive
def test_a_killed_worker_is_not_listed_any_more(installation: Installation) -> None:
    one_worker(installation)
    worker = the_worker(installation)
    os.kill(worker.pid, 9)
    replaced(installation, worker)
