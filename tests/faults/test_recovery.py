"""How long it takes from a fault until the handler runs again; printed, and bounded generously."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from tests.faults.installation_under_fault import House, built
from tests.installation import wait_for
from webapp.db.engine import reading
from webapp.jobs.model.job import Status
from webapp.schema import jobs, leases

PATIENCE = 30.0


@pytest.fixture
def house(database: str, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "house"
    folder.mkdir()
    with built(database_url, valkey_url, folder, workers=2) as house:
        house.mend()
        house.wait_for(lambda: house.services.wake_ups.workers_alive("default") == 2)
        yield house


def holder(house: House) -> psutil.Process:
    """The worker that holds the one lease under which a job runs."""
    held = select(leases.c.worker_pid).join(jobs, jobs.c.lease_id == leases.c.id)
    with reading(house.services.engine) as connection:
        return psutil.Process(connection.execute(held).scalar_one())


def kill_horse(house: House) -> None:
    holder(house).children()[0].kill()


def kill_worker(house: House) -> None:
    holder(house).kill()


def kill_pool(house: House) -> None:
    """With its workers; `mend` starts it again, as the machine's supervisor does."""
    pool = house.children["pool"]
    for process in [*pool.children(), pool]:
        process.kill()
    os.waitpid(pool.pid, 0)
    house.children.pop("pool")


def vanish(house: House) -> None:
    """Nobody is left who could notice, until the lease is over."""
    worker = holder(house)
    for process in [worker, *worker.children()]:
        process.send_signal(signal.SIGSTOP)


@pytest.mark.parametrize("fault", [kill_horse, kill_worker, kill_pool, vanish])
def test_the_next_attempt_begins_soon(
    house: House, tmp_path: Path, database: str, fault: Callable[[House], None], capsys: pytest.CaptureFixture[str]
) -> None:
    marks = tmp_path / "marks"
    job = house.services.jobs.create_job("each_time", {"marks": str(marks), "first": "takes its time"})
    wait_for(marks.exists, PATIENCE)
    fault(house)
    began = time.monotonic()
    house.wait_for(lambda: len(marks.read_text().splitlines()) == 2, PATIENCE)
    took = time.monotonic() - began
    with capsys.disabled():
        sys.stdout.write(f"\n{fault.__name__} on {database}: {took:.2f} s\n")
    assert house.wait_for(lambda: house.services.jobs.get(job.id).status is Status.COMPLETED)
