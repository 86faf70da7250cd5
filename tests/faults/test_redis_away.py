"""Workers and jobs survive a Redis that stops, loses its data, or freezes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.exhaustive import exhaustive
from tests.faults.installation_under_fault import FaultyInstallation, faulty_installation
from tests.installation import PATIENCE_SECONDS
from tests.valkey import Valkey, valkey
from webapp.jobs.model.job import Job, Status
from webapp.jobs.rq_queue import wake_ups

LEASE_SECONDS = 6.0  # a machine rarely stalls for so long, and a job without Redis outlasts it


@pytest.fixture(scope="module")
def redis() -> Iterator[Valkey]:
    with valkey("user default on nopass ~* &* +@all") as server:
        yield server


@pytest.fixture(scope="module")
def installation(
    redis: Valkey, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyInstallation]:
    folder = tmp_path_factory.mktemp("installation")
    (folder / "deskjob.sqlite3").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{folder / 'deskjob.sqlite3'}"
    with faulty_installation(url, redis.url(), folder, lease_seconds=LEASE_SECONDS) as installation:
        installation.keep_running()
        installation.wait_for(lambda: installation.services.wake_ups.workers_alive("default"))
        yield installation


def job(installation: FaultyInstallation, tmp_path: Path, **choices: Any) -> Job:
    return installation.services.jobs.create_job("again", {"marks": str(tmp_path / "marks"), **choices})


def await_end(installation: FaultyInstallation, job: Job) -> Job:
    return installation.wait_for(lambda: (current := installation.services.jobs.get(job.id)).is_finished and current)


def await_start(installation: FaultyInstallation, job: Job) -> None:
    installation.wait_for(lambda: installation.services.jobs.get(job.id).status is Status.RUNNING)


@pytest.mark.parametrize("away", [exhaustive("stopped"), "frozen"])
def test_a_busy_worker_and_its_job_go_on_without_redis(
    installation: FaultyInstallation, redis: Valkey, tmp_path: Path, away: str
) -> None:
    (worker,) = installation.workers()
    busy = job(installation, tmp_path, first="outlasts a lease")
    await_start(installation, busy)
    (redis.stop if away == "stopped" else redis.freeze)()
    created = job(installation, tmp_path)
    assert created.status is Status.QUEUED, "creating needs no Redis"
    assert await_end(installation, busy).attempt == 1
    (redis.start if away == "stopped" else redis.thaw)()
    assert await_end(installation, created).status is Status.COMPLETED
    assert installation.workers() == [worker]


def test_an_idle_worker_registers_again_when_redis_returns_empty(
    installation: FaultyInstallation, redis: Valkey, tmp_path: Path
) -> None:
    (worker,) = installation.workers()
    redis.stop()
    waiting = job(installation, tmp_path)
    redis.start()
    assert await_end(installation, waiting).status is Status.COMPLETED
    installation.wait_for(lambda: installation.services.wake_ups.workers_alive("default") == 1)
    assert installation.workers() == [worker]
    assert [known.pid for known in installation.services.workers.all()] == [worker.pid]


def test_many_jobs_created_while_redis_hangs_wait_for_it_once(
    installation: FaultyInstallation,
    redis: Valkey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(wake_ups, "_PAUSE_SECONDS", PATIENCE_SECONDS)  # longer than twenty jobs take
    monkeypatch.setattr(installation.services.wake_ups, "_paused_until", 0.0)
    redis.freeze()
    try:
        made = [job(installation, tmp_path) for _ in range(20)]
        assert caplog.text.count("Redis cannot be reached") == 1, "each of them would wait for two seconds"
    finally:
        redis.thaw()
    for created in made:
        assert await_end(installation, created).status is Status.COMPLETED
