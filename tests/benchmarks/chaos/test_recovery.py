"""The measurement strikes the processes that run its job, and says what happened when a bound is missed."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path

import psutil
import pytest

from benchmarks.chaos import recovery
from benchmarks.chaos.installation import ChaosInstallation
from benchmarks.chaos.interference import POOLS
from benchmarks.chaos.mixed import services_of
from benchmarks.chaos.pace import Pace
from benchmarks.chaos.recovery import Fault, Recovery, RecoveryBench, StateNotReached
from tests.installation import LEASE_SECONDS, wait_for
from webapp.db.engine import writing
from webapp.jobs.model.job import Status


@pytest.fixture(scope="module")
def bench(sqlite_template: Path) -> Iterator[RecoveryBench]:
    """Two pools of one worker each."""
    folder = Path(tempfile.mkdtemp(prefix="deskjob-"))  # short, for a socket's path
    shutil.copy(sqlite_template, folder / "chaos.sqlite3")
    url = f"sqlite:///{folder / 'chaos.sqlite3'}"
    installation = ChaosInstallation(folder, url, lease_seconds=LEASE_SECONDS, workers=1)
    with services_of(installation) as services:
        installation.start(*POOLS)
        try:
            yield RecoveryBench(installation, services, Pace())
        finally:
            installation.close()
            shutil.rmtree(folder)


@pytest.mark.exhaustive
def test_the_processes_of_a_job_are_found_beside_those_of_other_jobs(bench: RecoveryBench) -> None:
    running = {}
    for _ in range(2):
        found = bench.begin()
        running[bench._job_id] = found
    assert len({found.horse for found in running.values()}) == 2
    assert {found.pool for found in running.values()} == set(POOLS)
    for job_id, found in running.items():
        found.horse.kill()
        (attempt,) = wait_for(lambda job_id=job_id: bench.services.queries.jobs.attempts(job_id))
        assert attempt.pid == found.horse.pid
        bench.services.jobs.cancel(job_id)
        wait_for(lambda job_id=job_id: bench.services.jobs.get(job_id).is_finished)


@pytest.mark.exhaustive
def test_a_job_continues_after_its_worker_was_killed(bench: RecoveryBench) -> None:
    found = bench.measure(Fault("a killed worker", 900.0, recovery.kill_worker))
    assert found.is_in_time
    assert found.lines == ()


@pytest.mark.exhaustive
def test_a_fault_that_strikes_no_running_attempt_is_injected_once_more(bench: RecoveryBench) -> None:
    struck = []

    def strike(bench: RecoveryBench) -> float:
        found = bench.begin()
        struck.append(bench._job_id)
        if len(struck) == 1:
            raise psutil.NoSuchProcess(found.horse.pid)
        if len(struck) == 2:  # the job has continued before the fault
            bench._token = 0
            return time.time()
        found.horse.kill()
        return time.time()

    assert bench.measure(Fault("a killed work-horse", 900.0, strike)).seconds >= 0
    assert len(set(struck)) == 3
    assert {bench.services.jobs.get(job_id).status for job_id in struck} == {Status.CANCELLED}


@pytest.mark.exhaustive
def test_a_missed_bound_is_reported_with_what_the_job_waits_for(
    bench: RecoveryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def do_nothing(bench: RecoveryBench) -> float:
        bench.begin()
        return time.time()

    monkeypatch.setattr(recovery, "_LONGEST", 0.5)
    found = bench.measure(Fault("a fault that does nothing", 0.1, do_nothing))
    assert (found.seconds, found.is_in_time) == (inf, False)
    text = "\n".join(found.lines)
    for fact in (
        "s after a fault that does nothing; struck: pool-",
        f"job {bench._job_id}: chaos_paced, running",
        "events: created",
        "ledger: attempt 1",
        f"runs {bench._job_id}",
        "queue default: 0 queued jobs, 0 wake-ups, ",
        "pool-2: process ",
    ):
        assert fact in text, text
    assert bench.services.jobs.get(bench._job_id).status is Status.CANCELLED


def test_no_process_is_frozen_while_it_can_hold_the_write_lock_of_sqlite(bench: RecoveryBench) -> None:
    with subprocess.Popen(["sleep", "900"]) as child:
        process = psutil.Process(child.pid)
        freezing = threading.Thread(target=bench.freeze, args=(process,))
        with writing(bench.services.engine):
            freezing.start()
            freezing.join(0.3)
            assert process.status() != psutil.STATUS_STOPPED
        wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
        freezing.join()
        bench._thaw()
        wait_for(lambda: process.status() != psutil.STATUS_STOPPED)
        child.kill()


def test_a_state_that_is_never_reached_ends_the_measurement_with_the_same_report(
    bench: RecoveryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_PATIENCE_SECONDS", 0.1)
    with pytest.raises(StateNotReached, match="a miracle: not within 0 s") as caught:
        bench._wait_for("a miracle", lambda: False)
    assert any("wake-ups" in line for line in caught.value.lines)


def test_the_bound_grows_with_the_slowness_of_the_machine() -> None:
    assert Recovery(seconds=3.0, goal=2.0, slowdown=1.6).is_in_time
    assert not Recovery(seconds=3.0, goal=2.0, slowdown=1.4).is_in_time


def test_no_slowness_excuses_more_than_three_times_the_goal() -> None:
    assert Recovery(seconds=5.9, goal=2.0, slowdown=20.0).is_in_time
    assert not Recovery(seconds=6.1, goal=2.0, slowdown=20.0).is_in_time
