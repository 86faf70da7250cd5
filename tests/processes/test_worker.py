"""A pool of real workers, from its start to its stop."""

import os
import signal
import time

import psutil
import pytest

from tests.forked_commands import ForkedCommand
from tests.frozen_processes import freeze
from tests.installation import ENDLESS_SECONDS, ENDLESS_STEPS, PATIENCE_SECONDS, Installation, has_ended, wait_for
from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.model.job import Status
from webapp.jobs.rq_queue.redis_connection import connect
from webapp.jobs.rq_queue.wake_ups import WakeUps


def one_worker(installation: Installation, grace: str = "2") -> ForkedCommand:
    pool = installation.start("worker", "--workers", "1", DESKJOB_STOP_GRACE_SECONDS=grace)
    wait_for(lambda: installation.services.wake_ups.workers_alive("default") == 1)
    return pool


def wake(installation: Installation) -> None:
    top_up_wake_ups(installation.services.engine, installation.services.wake_ups.top_up)


def test_a_stopped_worker_hands_its_job_back_with_its_checkpoint(
    installation: Installation,
) -> None:
    go_on = installation.folder / "go-on"
    job_id = installation.job("steps", {"steps": 4, "until": str(go_on)})
    pool = one_worker(installation, grace=str(ENDLESS_SECONDS))
    wait_for(lambda: installation.get(job_id).state.get("step", 0) == 3)
    pool.send_signal(signal.SIGTERM)
    assert pool.wait(PATIENCE_SECONDS) == 0, "a job that reports is handed back at its next report"
    job = installation.get(job_id)
    assert (job.status, job.attempt, job.max_attempts, job.errors) == (Status.QUEUED, 1, 2, ())
    assert job.state["step"] == 3
    assert installation.services.leases.beats() == {}
    go_on.touch()
    wake(installation)
    one_worker(installation)
    job = installation.await_status(job_id, Status.COMPLETED)
    assert job.state == {"step": 4, "by": [1] * 4}, "an attempt that was handed back is not counted"


@pytest.mark.exhaustive
def test_a_silent_job_is_killed_after_the_grace_period_and_handed_back(installation: Installation) -> None:
    pool = one_worker(installation)
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    horse = installation.await_horse(job_id)
    wait_for(lambda: installation.get(job_id).state)  # before that, it hands itself back at once
    began = time.monotonic()
    pool.send_signal(signal.SIGTERM)
    assert pool.wait(PATIENCE_SECONDS) == 0
    assert time.monotonic() - began > 1.5
    job = installation.get(job_id)
    assert (job.status, job.max_attempts) == (Status.QUEUED, 2)
    assert not psutil.pid_exists(horse.pid)
    (attempt,) = installation.services.queries.jobs.attempts(job_id)
    assert (attempt.outcome, attempt.error) == (
        "interrupted",
        "The worker was stopped, and the job did not finish within the grace period.",
    )


@pytest.mark.exhaustive
def test_ctrl_c_counts_as_one_stop_although_every_process_gets_it(installation: Installation) -> None:
    job_id = installation.job("steps", ENDLESS_STEPS)
    pool = one_worker(installation)
    wait_for(lambda: installation.get(job_id).state.get("step", 0) >= 2)
    os.killpg(pool.pid, signal.SIGINT)
    assert pool.wait(PATIENCE_SECONDS) == 0
    assert installation.get(job_id).status is Status.QUEUED


@pytest.mark.exhaustive
def test_a_second_stop_hands_the_running_job_back_at_once(installation: Installation) -> None:
    pool = one_worker(installation, grace=str(ENDLESS_SECONDS))
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    installation.await_horse(job_id)
    while pool.poll() is None:  # a signal within a second of the one before counts as the same
        pool.send_signal(signal.SIGTERM)
        time.sleep(1.2)
    assert pool.wait(PATIENCE_SECONDS) == 0
    assert installation.get(job_id).status is Status.QUEUED
    assert installation.services.leases.beats() == {}


@pytest.mark.exhaustive
def test_a_worker_that_dies_while_its_pool_is_stopping_is_settled_too(installation: Installation) -> None:
    pool = one_worker(installation, grace=str(ENDLESS_SECONDS))
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    worker = installation.await_horse(job_id).parent()
    wait_for(lambda: installation.get(job_id).state)
    pool.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    worker.send_signal(signal.SIGKILL)
    assert pool.wait(PATIENCE_SECONDS) == 0
    assert installation.get(job_id).status is Status.STALE
    assert installation.services.leases.beats() == {}


@pytest.mark.exhaustive
def test_workers_of_a_killed_pool_end_and_hand_their_jobs_back(installation: Installation) -> None:
    pool = one_worker(installation)
    job_id = installation.job("steps", ENDLESS_STEPS)
    horse = installation.await_horse(job_id)
    worker = horse.parent()
    pool.send_signal(signal.SIGKILL)
    for process in (worker, horse):
        wait_for(lambda process=process: has_ended(process))
    assert installation.get(job_id).status is Status.QUEUED


def test_the_next_start_settles_jobs_after_a_crash_of_everything(installation: Installation) -> None:
    pool = one_worker(installation)
    lost, waiting = installation.job("deaf", {"seconds": ENDLESS_SECONDS}), installation.job("quick")
    horse = installation.await_horse(lost)
    both = horse.parent(), horse
    freeze(installation.services.engine, *both)  # so that neither can react
    os.killpg(pool.pid, signal.SIGKILL)
    horse.send_signal(signal.SIGKILL)
    wait_for(lambda: all(map(has_ended, both)))  # else the next start finds a worker that lives
    assert installation.get(lost).status is Status.RUNNING
    one_worker(installation)
    job = installation.await_status(lost, Status.STALE)
    assert job.errors[-1]["text"] == "The worker that ran this job went down."
    wake(installation)
    installation.await_status(waiting, Status.COMPLETED)


@pytest.mark.exhaustive
def test_workers_wait_for_redis_at_their_start(installation: Installation, valkey_url: str) -> None:
    missing = f"unix://{installation.folder}/later.sock"
    job_id = installation.job("quick")
    pool = installation.start("worker", "--workers", "1", DESKJOB_REDIS_URL=missing)
    wait_for(lambda: len(installation.workers()) == 1)
    time.sleep(1)
    assert pool.poll() is None
    (installation.folder / "later.sock").symlink_to(valkey_url.removeprefix("unix://"))
    late = WakeUps(connect(missing))
    wait_for(lambda: late.workers_alive("default"))
    late.push("default")
    installation.await_status(job_id, Status.COMPLETED)


def test_no_worker_creates_a_database(installation: Installation) -> None:
    missing = installation.folder / "missing.sqlite3"
    process = installation.start("worker", DESKJOB_DATABASE_URL=f"sqlite:///{missing}")
    assert process.wait(PATIENCE_SECONDS) == 2
    assert installation.output.startswith(f"deskjob: There is no database at {missing}. Put its file back")
    assert not missing.exists()


def test_no_worker_runs_on_a_database_without_tables(installation: Installation) -> None:
    (installation.folder / "empty.sqlite3").touch()
    process = installation.start("worker", DESKJOB_DATABASE_URL=f"sqlite:///{installation.folder}/empty.sqlite3")
    assert process.wait(PATIENCE_SECONDS) == 2
    assert installation.output == "deskjob: The database has no tables yet. Run ./deskjob db upgrade first.\n"
