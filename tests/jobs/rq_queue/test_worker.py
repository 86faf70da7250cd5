"""Real worker processes, which the tests kill and freeze."""

import json
import os
import pickle
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from tests.frozen_processes import freeze
from tests.installation import ENDLESS_SECONDS, Installation, has_ended, wait_for
from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.model.job import Status
from webapp.jobs.rq_queue.wake_ups import LEAST_CAP


@pytest.fixture(autouse=True)
def _both_workers(installation: Installation) -> Iterator[None]:
    """Start with two live workers without a work-horse; push the missing wake-ups afterwards."""
    wait_for(lambda: len(installation.workers()) == 2 and not installation.services.leases.beats())
    yield
    top_up_wake_ups(installation.services.engine, installation.services.wake_ups.top_up)


def test_workers_run_jobs(installation: Installation) -> None:
    ids = [installation.job("quick") for _ in range(20)]
    for job_id in ids:
        job = installation.await_status(job_id, Status.COMPLETED)
        assert (job.message, job.attempt) == ("done", 1)


def test_a_killed_work_horse_fails_its_job_with_a_message(installation: Installation) -> None:
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    horse = installation.await_horse(job_id)
    horse.send_signal(signal.SIGKILL)
    job = installation.await_status(job_id, Status.FAILED)
    assert job.errors[-1]["text"].startswith("The process that ran this job was killed (SIGKILL).")
    (attempt,) = installation.services.queries.jobs.attempts(job_id)
    assert (attempt.pid, attempt.outcome) == (horse.pid, "failed")
    assert attempt.peak_memory > 2**20


def test_a_job_of_a_killed_work_horse_uses_its_remaining_attempts(installation: Installation) -> None:
    job_id = installation.job("deaf_twice", {"seconds": ENDLESS_SECONDS})
    installation.await_horse(job_id).send_signal(signal.SIGKILL)
    wait_for(lambda: installation.services.queries.jobs.attempts(job_id))  # it may already run again
    top_up_wake_ups(installation.services.engine, installation.services.wake_ups.top_up)
    job = installation.await_status(job_id, Status.COMPLETED)
    assert (job.attempt, job.errors) == (2, ())
    assert [attempt.outcome for attempt in installation.services.queries.jobs.attempts(job_id)] == ["lost", "completed"]


def test_a_killed_worker_dies_with_its_work_horse_and_is_settled_and_replaced(installation: Installation) -> None:
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    horse = installation.await_horse(job_id)
    worker = horse.parent()
    worker.send_signal(signal.SIGKILL)
    wait_for(lambda: has_ended(horse))
    job = installation.await_status(job_id, Status.STALE)
    assert job.errors[-1]["text"] == "The worker that ran this job was killed."
    wait_for(lambda: len([other for other in installation.workers() if other.pid != worker.pid]) == 2)
    wait_for(lambda: not installation.services.leases.beats())  # the other worker may have been woken for this job too


def test_a_frozen_worker_does_not_affect_other_workers(installation: Installation) -> None:
    idle = installation.workers()[0]
    freeze(installation.services.engine, idle)
    try:
        ids = [installation.job("quick") for _ in range(3)]
        for job_id in ids:
            installation.await_status(job_id, Status.COMPLETED)
    finally:
        idle.resume()


def test_processes_that_a_handler_started_are_killed_with_its_job(installation: Installation, tmp_path: Path) -> None:
    mark = tmp_path / "child"
    job_id = installation.job("leaves_a_child", {"path": str(mark)})
    installation.await_status(job_id, Status.RUNNING)
    child = int(wait_for(lambda: mark.exists() and mark.read_text()))
    with installation.services.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM leases")  # as the clock of another host does
    wait_for(lambda: not psutil.pid_exists(child))
    with installation.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET status = 'failed', lease_id = NULL WHERE status = 'running'")


def test_a_handler_that_exits_its_process_does_not_complete_its_job(installation: Installation, tmp_path: Path) -> None:
    job_id = installation.job("exits", {"path": "0"})
    job = installation.await_status(job_id, Status.FAILED)
    assert job.errors[-1]["text"] == "The process that ran this job exited with status 0."


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that must never be called: only an address from Redis leads to it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0)
        yield listener


HOSTILE_IDS = [
    b"\xff\xfe not text",
    b"../../etc/passwd",
    b"a\0b",
    b"",
    b"x" * 100_000,
    b"rq:job:1; FLUSHALL",
    b"no such job",
]


def test_data_in_redis_is_never_executed_and_stops_no_worker(
    installation: Installation, tmp_path: Path, listener: socket.socket
) -> None:
    mark, redis = tmp_path / "owned", installation.redis
    workers = {worker.pid for worker in installation.workers()}

    class Evil:
        def __reduce__(self) -> object:
            return (os.system, (f"touch {mark}",))

    call = f'["os.system", null, ["touch {mark}"], {{}}]'.encode()
    hashes = {
        uuid4().hex: {"data": call, "status": "queued", "created_at": "2026-01-01T00:00:00Z", "timeout": "180"},
        uuid4().hex: {"data": pickle.dumps(Evil()), "meta": pickle.dumps(Evil())},
        uuid4().hex: {"data": call, "success_callback_name": "os.system", "failure_callback_name": "os.system"},
        uuid4().hex: {"data": b"\xff\xff", "retries_left": "nan", "created_at": "never", "status": "bogus"},
        uuid4().hex: {
            "data": call,
            "webhooks": json.dumps([{"url": f"http://127.0.0.1:{listener.getsockname()[1]}/"}]),
        },
        uuid4().hex: {"data": call, "dependency_ids": json.dumps(["x"]), "origin": "default", "group_id": "x"},
    }
    for job_id, values in hashes.items():
        redis.hset(f"rq:job:{job_id}", mapping=values)
        redis.rpush("rq:queue:default", job_id)
        redis.zadd("rq:wip:default", {f"{job_id}:{uuid4().hex}": 1})  # "abandoned" long ago
        redis.zadd("rq:scheduled:default", {job_id: 1})
    redis.sadd("rq:queues", b"\xff", "rq:queue:../../etc")
    redis.sadd("rq:workers", "rq:worker:nobody", b"\xff")
    redis.set("rq:job:astring", "not a hash")
    redis.rpush("rq:queue:default", "astring", *HOSTILE_IDS)
    real = [installation.job("quick") for _ in range(3)]
    for job_id in real:
        installation.await_status(job_id, Status.COMPLETED)
    wait_for(lambda: redis.llen("rq:queue:default") == 0)
    time.sleep(0.3)
    assert not mark.exists()
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert {worker.pid for worker in installation.workers()} == workers
    assert "found an unhandled exception" not in installation.output


def test_the_clock_refills_an_emptied_redis(installation: Installation) -> None:
    jobs, wake_ups = installation.services.jobs, installation.services.wake_ups
    jobs._wake = lambda _queue: None  # as if Redis had lost them
    try:
        ids = [installation.job("quick") for _ in range(5)]
    finally:
        jobs._wake = wake_ups.push
    installation.redis.flushdb()
    assert top_up_wake_ups(installation.services.engine, wake_ups.top_up)["default"] <= 5
    for job_id in ids:
        installation.await_status(job_id, Status.COMPLETED)


def test_wake_ups_leave_no_keys_in_redis(installation: Installation) -> None:
    for _ in range(LEAST_CAP):
        installation.services.wake_ups.push("default")
    wait_for(lambda: installation.redis.llen("rq:queue:default") == 0)
    time.sleep(0.2)
    left = [key for key in installation.redis.scan_iter("*") if key.startswith((b"rq:job:", b"rq:queue:default:"))]
    assert left == []


def test_a_wake_up_without_a_queued_job_forks_nothing(installation: Installation) -> None:
    before = installation.services.queries.all_jobs.newest(1)
    for _ in range(3):
        installation.services.wake_ups.push("default")
    wait_for(lambda: installation.redis.llen("rq:queue:default") == 0)
    assert installation.services.queries.all_jobs.newest(1) == before
    assert installation.services.leases.beats() == {}


def test_a_job_that_ignores_its_timeout_is_not_killed_immediately(installation: Installation) -> None:
    """The handler ignores its timeout for less than the ten seconds that the watchdog waits, so nothing is killed."""
    job_id = installation.job("overdue", {"seconds": 1.0})
    job = installation.await_status(job_id, Status.COMPLETED, Status.FAILED)
    assert job.attempt == 1


def test_a_worker_answers_where_its_job_hangs(installation: Installation) -> None:
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    horse = installation.await_horse(job_id)
    snapshots = installation.services.process_snapshots
    wait_for(lambda: installation.services.workers.in_database()[0].has_row)
    requested = snapshots.request(installation.get(job_id))
    assert requested.is_awaited
    (answered,) = wait_for(
        lambda: (found := snapshots.of_job(installation.get(job_id))) and found[0].taken_at and found
    )
    assert answered.content["pid"] == horse.pid
    assert answered.content["threads"][0]["stack"].endswith(", in deaf\n    time.sleep(payload.seconds)\n")
    horse.kill()
    installation.await_status(job_id, Status.FAILED)
