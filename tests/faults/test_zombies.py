"""A worker and its work-horse freeze until their lease expires, another worker does the job, and they wake up."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine, select

from tests.faults.fault_job_types import LATE_WRITES
from tests.faults.installation_under_fault import FaultyInstallation, faulty_installation
from tests.installation import has_ended, wait_for
from tests.stored_files import everything
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.schema import attachments, jobs, leases, log_lines


@pytest.fixture
def installation(database: str, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[FaultyInstallation]:
    folder = tmp_path / "installation"
    folder.mkdir()
    with faulty_installation(database_url, valkey_url, folder, workers=2) as installation:
        installation.keep_running()
        yield installation
    shutil.rmtree(folder)


def horse_of(installation: FaultyInstallation, job: Job) -> psutil.Process:
    with reading(installation.services.engine) as connection:
        worker = connection.execute(select(leases.c.worker_pid).where(leases.c.id == job.lease_id)).scalar_one()
    return psutil.Process(worker).children()[0]


def rows(engine: Engine, table: Any) -> list[Any]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]


def test_every_write_of_a_zombie_is_refused(installation: FaultyInstallation, tmp_path: Path) -> None:
    services, marks = installation.services, tmp_path / "marks"
    created = services.jobs.create_job("again", {"marks": str(marks), "first": "writes as a zombie"})
    running = wait_for(lambda: (job := services.jobs.get(created.id)).status is Status.RUNNING and job)
    horse = horse_of(installation, running)
    wait_for(lambda: horse.status() == psutil.STATUS_STOPPED)
    done = wait_for(lambda: (job := services.jobs.get(created.id)).is_finished and job)
    assert (done.status, done.attempt) == (Status.COMPLETED, 2)
    before = [rows(services.engine, table) for table in (jobs, attachments, log_lines)]

    wait_for(lambda: not services.leases.beats())
    installation.arm_fault("horse.ready", "exit")  # else it would wait for the next order of its frozen worker
    horse.resume()  # not its worker, which would kill it at once
    refused = Path(f"{marks}.refused")
    wait_for(lambda: refused.exists() and len(refused.read_text().splitlines()) == len(LATE_WRITES))
    assert refused.read_text().splitlines() == [f"{name}: LeaseLost" for name in LATE_WRITES]
    wait_for(lambda: has_ended(horse))
    assert [rows(services.engine, table) for table in (jobs, attachments, log_lines)] == before
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(done.id)] == ["lost", "completed"]
    assert marks.read_text() == "Again\nAgain\n"
    left = everything(services.files)
    assert len(left) == 1, "the file of the last attempt, which replaced the first one, and no late one"

    worker = next(worker for worker in installation.workers() if worker.status() == psutil.STATUS_STOPPED)
    worker.resume()
    again = services.jobs.create_job("again", {"marks": str(marks)})
    wait_for(lambda: services.jobs.get(again.id).status is Status.COMPLETED)
    assert services.jobs.get(done.id) == done
    assert worker.is_running(), "it continues with other jobs"
