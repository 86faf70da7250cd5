"""After each kind of fault, the handler runs again. `deskjob bench chaos` measures how long that takes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from tests.faults.installation_under_fault import FaultyInstallation, faulty_installation
from tests.frozen_processes import freeze
from tests.installation import wait_for
from webapp.db.engine import reading
from webapp.jobs.model.job import Status
from webapp.schema import jobs, leases


@pytest.fixture
def installation(database: str, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[FaultyInstallation]:
    folder = tmp_path / "installation"
    folder.mkdir()
    with faulty_installation(database_url, valkey_url, folder, workers=2) as installation:
        installation.keep_running()
        installation.wait_for(lambda: installation.services.wake_ups.workers_alive("default") == 2)
        yield installation


def holder(installation: FaultyInstallation) -> psutil.Process:
    """The worker that holds the one lease under which a job runs."""
    held = select(leases.c.worker_pid).join(jobs, jobs.c.lease_id == leases.c.id)
    with reading(installation.services.engine) as connection:
        return psutil.Process(connection.execute(held).scalar_one())


def kill_horse(installation: FaultyInstallation) -> None:
    holder(installation).children()[0].kill()


def kill_worker(installation: FaultyInstallation) -> None:
    holder(installation).kill()


def kill_pool(installation: FaultyInstallation) -> None:
    """Kill it with its workers; `keep_running` starts a new one, as the machine's supervisor does."""
    pool = installation.children["pool"]
    for process in [*pool.children(), pool]:
        process.kill()
    os.waitpid(pool.pid, 0)
    installation.children.pop("pool")


def vanish(installation: FaultyInstallation) -> None:
    """Freeze the worker and its work-horse; nothing notices until the lease expires."""
    worker = holder(installation)
    freeze(installation.services.engine, worker, *worker.children())


@pytest.mark.parametrize("fault", [kill_horse, kill_worker, kill_pool, vanish])
def test_the_job_runs_again_after_a_fault(
    installation: FaultyInstallation, tmp_path: Path, fault: Callable[[FaultyInstallation], None]
) -> None:
    marks = tmp_path / "marks"
    job = installation.services.jobs.create_job("again", {"marks": str(marks), "first": "waits to be killed"})
    wait_for(marks.exists)
    fault(installation)
    installation.wait_for(lambda: len(marks.read_text().splitlines()) == 2)
    assert installation.wait_for(lambda: installation.services.jobs.get(job.id).status is Status.COMPLETED)
