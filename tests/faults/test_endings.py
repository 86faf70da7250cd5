"""A job that damages its process, worker or machine still finishes, with an error message for its user."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation_under_fault import LONG_LEASE_SECONDS, FaultyInstallation, faulty_installation
from webapp.db.resource_errors import DISK_FULL, OUT_OF_MEMORY
from webapp.jobs.model.job import Job, Status

# A process without its open files soon fails; on a slow machine, the lost database is noticed first
CUT_OFF = (
    "The process that ran this job exited with status 1.",
    "The database was unreachable for too long, so the job was killed.",
    "It closed all files of its process, also those of the database, so its result was lost.",
)


@pytest.fixture(scope="module")
def installation(
    sqlite_template: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyInstallation]:
    folder = tmp_path_factory.mktemp("installation")
    (folder / "deskjob.sqlite3").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{folder / 'deskjob.sqlite3'}"
    with faulty_installation(url, valkey_url, folder, lease_seconds=LONG_LEASE_SECONDS) as installation:
        installation.keep_running()
        yield installation


def finished_job(installation: FaultyInstallation, tmp_path: Path, job_type: str, first: str) -> Job:
    jobs = installation.services.jobs
    job = jobs.create_job(job_type, {"marks": str(tmp_path / "marks"), "first": first})
    return installation.wait_for(lambda: (now := jobs.get(job.id)).is_finished and now)


@pytest.mark.parametrize(
    ("job_type", "first", "message"),
    [
        ("once", "exits with success", "The process that ran this job exited with status 0."),
        ("once", "crashes", "The process that ran this job was killed (SIGSEGV)."),
        ("once", "closes all files", CUT_OFF),
        ("once", "uses all memory", OUT_OF_MEMORY),
        ("once", "fills the disk", DISK_FULL),
        ("briefly", "stays in C", "It ran longer than its limit of 1 s and was killed."),
        ("briefly", "ignores signals", "It ran longer than its limit of 1 s and was killed."),
        ("each_time", "crashes", "The process that ran this job was killed (SIGSEGV)."),
    ],
)
def test_a_job_that_damages_its_process_fails_with_a_message(
    installation: FaultyInstallation, tmp_path: Path, job_type: str, first: str, message: str | tuple[str, ...]
) -> None:
    job = finished_job(installation, tmp_path, job_type, first)
    assert job.status is Status.FAILED
    assert job.errors[-1]["text"] in (message if message is CUT_OFF else {message})
    assert job.attempt == job.max_attempts == len((tmp_path / "marks").read_text().splitlines())
    assert installation.wait_for(lambda: not installation.services.leases.beats())


def test_a_job_that_kills_its_worker_each_time_ends_after_its_last_attempt(
    installation: FaultyInstallation, tmp_path: Path
) -> None:
    job = finished_job(installation, tmp_path, "each_time", "kills its worker")
    assert (job.status, job.attempt) == (Status.STALE, 3)
    assert job.errors[-1]["text"] == "The worker that ran this job was killed."
    assert [attempt.outcome for attempt in installation.services.queries.jobs.attempts(job.id)] == [
        "lost",
        "lost",
        "stale",
    ]
    after = finished_job(installation, tmp_path, "again", "goes well")
    assert after.status is Status.COMPLETED, "other jobs still run"


def test_a_job_that_leaves_a_program_behind_finishes(installation: FaultyInstallation, tmp_path: Path) -> None:
    assert finished_job(installation, tmp_path, "once", "leaves a daemon").status is Status.COMPLETED
