"""Redis stopped, emptied, frozen: no worker dies of it, and no job."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.installation_under_fault import LEASE_SECONDS, House, built
from tests.valkey import Valkey, valkey
from webapp.jobs.model.job import Job, Status


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    with valkey("user default on nopass ~* &* +@all") as server:
        yield server


@pytest.fixture(scope="module")
def house(redis: Valkey, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    (folder / "deskjob.sqlite3").write_bytes(sqlite_template.read_bytes())
    with built(f"sqlite:///{folder / 'deskjob.sqlite3'}", redis.url(), folder) as house:
        house.mend()
        house.wait_for(lambda: house.services.wake_ups.workers_alive("default"))
        yield house


def job(house: House, tmp_path: Path, **choices: Any) -> Job:
    return house.services.jobs.create_job("again", {"marks": str(tmp_path / "marks"), **choices})


def await_end(house: House, job: Job) -> Job:
    return house.wait_for(lambda: (now := house.services.jobs.get(job.id)).is_finished and now)


def await_start(house: House, job: Job) -> None:
    house.wait_for(lambda: house.services.jobs.get(job.id).status is Status.RUNNING)


@pytest.mark.parametrize("away", ["stopped", "frozen"])
def test_a_busy_worker_and_its_job_do_not_notice(house: House, redis: Valkey, tmp_path: Path, away: str) -> None:
    (worker,) = house.workers()
    busy = job(house, tmp_path, first="takes its time")
    await_start(house, busy)
    (redis.stop if away == "stopped" else redis.freeze)()
    created = job(house, tmp_path)
    assert created.status is Status.QUEUED, "creating needs no Redis"
    time.sleep(2 * LEASE_SECONDS)
    assert await_end(house, busy).attempt == 1
    (redis.start if away == "stopped" else redis.thaw)()
    assert await_end(house, created).status is Status.COMPLETED
    assert house.workers() == [worker]


def test_an_idle_worker_waits_for_a_redis_that_comes_back_empty_and_is_known_again(
    house: House, redis: Valkey, tmp_path: Path
) -> None:
    (worker,) = house.workers()
    redis.stop()
    waiting = job(house, tmp_path)
    redis.start()
    assert await_end(house, waiting).status is Status.COMPLETED
    house.wait_for(lambda: house.services.wake_ups.workers_alive("default") == 1)
    assert house.workers() == [worker]
    assert [one.pid for one in house.services.workers.all()] == [worker.pid]


def test_many_jobs_created_while_it_hangs_wait_for_it_once(house: House, redis: Valkey, tmp_path: Path) -> None:
    redis.freeze()
    try:
        began = os.times().elapsed
        made = [job(house, tmp_path) for _ in range(20)]
        assert os.times().elapsed - began < 20, "two seconds each would be forty"
    finally:
        redis.thaw()
    for one in made:
        assert await_end(house, one).status is Status.COMPLETED
