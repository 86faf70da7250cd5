"""Work-horses that linger: real processes, whose wait for the next wake-up does not end before the test does."""

import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from tests.installation import Installation, has_ended, installed, wait_for
from webapp.jobs.execution.worker_heartbeat import StopRequest
from webapp.jobs.model.job import Status

FOR_EVER = {"DESKJOB_HORSE_LINGER_SECONDS": "60", "DESKJOB_HORSE_SECONDS": "3600"}


@pytest.fixture(scope="module")
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    with installed(sqlite_template, valkey_url) as installation:
        installation.start("worker", "--workers", "1", **FOR_EVER)
        yield installation


@pytest.fixture
def horse(installation: Installation) -> psutil.Process:
    """The work-horse of the only worker, which lingers."""
    return psutil.Process(run(installation))


def run(installation: Installation) -> int:
    """Run a job; return the pid of its work-horse, which then lingers."""
    job_id = installation.job("quick")
    installation.await_status(job_id, Status.COMPLETED)
    return pid_of(installation, job_id)


def pid_of(installation: Installation, job_id: UUID) -> int:
    (attempt,) = installation.services.queries.jobs.attempts(job_id)
    return int(attempt.pid)


def test_a_lingering_work_horse_runs_the_next_job(installation: Installation, horse: psutil.Process) -> None:
    assert [run(installation) for _ in range(3)] == [horse.pid] * 3


@pytest.mark.usefixtures("horse")
def test_its_worker_is_idle(installation: Installation) -> None:
    (worker,) = installation.services.workers.in_database()
    assert (worker.state, worker.job_id) == ("idle", None)
    assert len(installation.services.leases.beats()) == 1


def test_a_killed_one_loses_nothing(installation: Installation, horse: psutil.Process) -> None:
    horse.send_signal(signal.SIGKILL)
    assert run(installation) != horse.pid


@pytest.mark.parametrize("request_", [StopRequest.DRAIN, StopRequest.NOW])
def test_it_ends_at_once_when_its_worker_stops(
    installation: Installation, horse: psutil.Process, request_: StopRequest
) -> None:
    (worker,) = installation.services.workers.in_database()
    installation.services.workers.stop(worker.name, request_)
    wait_for(lambda: has_ended(horse) and not psutil.pid_exists(worker.pid))
    assert run(installation) != horse.pid


def test_a_stopped_pool_waits_for_no_lingering_work_horse(installation: Installation, horse: psutil.Process) -> None:
    (worker,) = installation.workers()
    worker.send_signal(signal.SIGTERM)
    wait_for(lambda: has_ended(worker))
    assert has_ended(horse)
    wait_for(lambda: not installation.services.leases.beats())


@pytest.mark.exhaustive
def test_after_its_wait_it_takes_an_order_without_a_lease(sqlite_template: Path, valkey_url: str) -> None:
    with installed(sqlite_template, valkey_url) as installation:
        installation.start("worker", "--workers", "1", DESKJOB_HORSE_LINGER_SECONDS="0")
        first = run(installation)
        for _ in range(3):
            wait_for(lambda: not installation.services.leases.beats())
            assert run(installation) == first
