"""A worker and its horse sleep through the end of their lease, another one does their job, and then they wake up."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine, select

from tests.faults.fault_job_types import LATE_WORDS
from tests.faults.installation_under_fault import House, built
from tests.installation import wait_for
from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.schema import attachments, jobs, leases, log_lines


@pytest.fixture
def house(database: str, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "house"
    folder.mkdir()
    with built(database_url, valkey_url, folder, workers=2) as house:
        house.mend()
        yield house
    shutil.rmtree(folder)


def horse_of(house: House, job: Job) -> psutil.Process:
    with reading(house.services.engine) as connection:
        worker = connection.execute(select(leases.c.worker_pid).where(leases.c.id == job.lease_id)).scalar_one()
    return psutil.Process(worker).children()[0]


def rows(engine: Engine, table: Any) -> list[Any]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]


def test_nothing_that_a_zombie_writes_arrives(house: House, tmp_path: Path) -> None:
    services, marks = house.services, tmp_path / "marks"
    created = services.jobs.create_job("again", {"marks": str(marks), "first": "haunts"})
    running = wait_for(lambda: (job := services.jobs.get(created.id)).status is Status.RUNNING and job, 20)
    horse = horse_of(house, running)
    wait_for(lambda: horse.status() == psutil.STATUS_STOPPED, 20)
    done = wait_for(lambda: (job := services.jobs.get(created.id)).is_finished and job, 30)
    assert (done.status, done.attempt) == (Status.COMPLETED, 2)
    before = [rows(services.engine, table) for table in (jobs, attachments, log_lines)]

    horse.resume()  # and not its worker, which would kill it at once
    refused = Path(f"{marks}.refused")
    wait_for(lambda: refused.exists() and len(refused.read_text().splitlines()) == len(LATE_WORDS), 20)
    assert refused.read_text().splitlines() == [f"{word}: LeaseLost" for word in LATE_WORDS]
    wait_for(lambda: not horse.is_running() or horse.status() == psutil.STATUS_ZOMBIE, 20)
    assert [rows(services.engine, table) for table in (jobs, attachments, log_lines)] == before
    assert [attempt.outcome for attempt in services.jobs.attempts(done.id)] == ["lost", "completed"]
    assert marks.read_text() == "Again\nAgain\n"
    left = [path for path in services.files.root.rglob("*") if path.is_file()]
    assert len(left) == 2, "the file of each attempt, and none that came late"

    worker = next(one for one in house.workers() if one.status() == psutil.STATUS_STOPPED)
    worker.resume()
    again = services.jobs.create_job("again", {"marks": str(marks)})
    wait_for(lambda: services.jobs.get(again.id).status is Status.COMPLETED, 20)
    assert services.jobs.get(done.id) == done
    assert worker.is_running(), "it goes on with other work"
