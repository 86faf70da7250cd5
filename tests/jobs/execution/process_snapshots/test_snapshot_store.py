from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.process_snapshots.snapshot_store import KEPT, ProcessSnapshots, SnapshotRefused
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.model.job import Job, Status
from webapp.schema import later, leases, process_snapshots, workers

pytestmark = pytest.mark.usefixtures("database")
CONTENT = {"threads": [{"name": "MainThread", "stack": "…"}]}


@pytest.fixture
def snapshots(engine: Engine) -> ProcessSnapshots:
    return ProcessSnapshots(engine)


@pytest.fixture
def job(engine: Engine, running: Callable[..., Job]) -> Job:
    """Return a job that runs under a worker with a row."""
    job = running()
    with reading(engine) as connection:
        worker = connection.execute(select(leases.c.worker).where(leases.c.id == job.lease_id)).scalar_one()
    WorkerHeartbeat(engine, Holder(host="h", boot_id="b", worker=worker, pid=1), ["default"], "1").poll()
    return job


def worker_of(engine: Engine, job: Job) -> WorkerHeartbeat:
    with reading(engine) as connection:
        name = connection.execute(select(workers.c.name)).scalar_one()
    heartbeat = WorkerHeartbeat(engine, Holder(host="h", boot_id="b", worker=name, pid=1), ["default"], "1")
    heartbeat.poll()
    return heartbeat


def age(engine: Engine, seconds: float) -> None:
    with writing(engine) as connection:
        connection.execute(update(process_snapshots).values(requested_at=later(-seconds)))


def test_a_worker_finds_a_request_in_its_row_and_answers_once(
    engine: Engine, snapshots: ProcessSnapshots, job: Job
) -> None:
    requested = snapshots.request(job)
    assert requested.is_awaited
    heartbeat = worker_of(engine, job)
    assert heartbeat.requested_snapshot == requested.id
    assert snapshots.attempt_of(requested.id) == (job.id, job.attempt)
    snapshots.fill_in(requested.id, requested.worker, CONTENT)
    (answered,) = snapshots.of_job(job)
    assert (answered.content, answered.note, answered.is_awaited) == (CONTENT, "", False)
    assert worker_of(engine, job).requested_snapshot is None


def test_a_request_that_is_awaited_is_not_repeated(engine: Engine, snapshots: ProcessSnapshots, job: Job) -> None:
    first = snapshots.request(job)
    assert snapshots.request(job).id == first.id
    age(engine, 60)
    assert snapshots.of_job(job)[0].note.startswith("The worker has not answered.")
    assert snapshots.request(job).id != first.id


def test_a_job_keeps_its_last_snapshots(engine: Engine, snapshots: ProcessSnapshots, job: Job) -> None:
    for _ in range(KEPT + 2):
        newest = snapshots.request(job)
        snapshots.fill_in(newest.id, newest.worker, CONTENT)
    kept = snapshots.of_job(job)
    assert len(kept) == KEPT
    assert kept[0].id == newest.id


def test_a_job_that_does_not_run_has_no_process(snapshots: ProcessSnapshots, make: Callable[..., Job]) -> None:
    with pytest.raises(SnapshotRefused, match="This job is not running"):
        snapshots.request(make())


def test_a_job_of_a_command_cannot_be_asked(snapshots: ProcessSnapshots, running: Callable[..., Job]) -> None:
    with pytest.raises(SnapshotRefused, match="This job runs in a command on "):
        snapshots.request(running())


def test_a_silent_worker_is_not_asked(engine: Engine, snapshots: ProcessSnapshots, job: Job) -> None:
    with writing(engine) as connection:
        connection.execute(update(workers).values(beat_at=later(-timedelta(minutes=5).total_seconds())))
    with pytest.raises(SnapshotRefused, match=r"has been silent for 5 min\. Its machine"):
        snapshots.request(job)


def test_the_note_says_that_the_attempt_has_ended(snapshots: ProcessSnapshots, job: Job) -> None:
    snapshots.request(job)
    (shown,) = snapshots.of_job(replace(job, status=Status.FAILED))
    assert shown.note == "The attempt ended before the worker could answer."


def test_the_note_says_that_a_process_does_not_answer(snapshots: ProcessSnapshots, job: Job) -> None:
    requested = snapshots.request(job)
    snapshots.fill_in(requested.id, requested.worker, {"state": "disk-sleep", "threads": []})
    assert snapshots.of_job(job)[0].note.startswith("The process does not answer.")
    snapshots.fill_in(requested.id, requested.worker, {})
    assert snapshots.of_job(job)[0].note.startswith("The job did not run when")
