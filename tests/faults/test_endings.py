"""Whatever a handler does to its process, its worker or its machine, its job ends, with a sentence for people."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation_under_fault import House, built
from webapp.db.resource_errors import DISK_FULL, OUT_OF_MEMORY
from webapp.jobs.model.job import Job, Status

# Without its files, a process soon stumbles; on a slow machine it is found first that it cannot reach the database
CUT_OFF = (
    "The process that ran this job ended by itself, with exit status 1.",
    "The database could not be reached for too long, so the job was ended by force.",
)


@pytest.fixture(scope="module")
def house(sqlite_template: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    (folder / "deskjob.sqlite3").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{folder / 'deskjob.sqlite3'}"
    # no lease runs out in these tests, however slow the machine is: a work-horse out of sight would end otherwise
    with built(url, valkey_url, folder, lease_seconds=6.0) as house:
        house.mend()
        yield house


def ended(house: House, tmp_path: Path, kind: str, first: str) -> Job:
    jobs = house.services.jobs
    job = jobs.create_job(kind, {"marks": str(tmp_path / "marks"), "first": first})
    return house.wait_for(lambda: (now := jobs.get(job.id)).is_finished and now)


@pytest.mark.parametrize(
    ("kind", "first", "sentence"),
    [
        ("once", "ends itself", "The process that ran this job ended by itself, with exit status 0."),
        ("once", "crashes", "The process that ran this job was killed (SIGSEGV)."),
        ("once", "closes all files", CUT_OFF),
        ("once", "uses all memory", OUT_OF_MEMORY),
        ("once", "fills the disk", DISK_FULL),
        ("briefly", "stays in C", "It ran longer than its limit of 0:00:01 and had to be ended by force."),
        ("briefly", "takes the signals", "It ran longer than its limit of 0:00:01 and had to be ended by force."),
        ("each_time", "crashes", "The process that ran this job was killed (SIGSEGV)."),
    ],
)
def test_a_job_that_harms_its_own_process_fails_with_a_sentence(
    house: House, tmp_path: Path, kind: str, first: str, sentence: str | tuple[str, ...]
) -> None:
    job = ended(house, tmp_path, kind, first)
    assert job.status is Status.FAILED
    assert job.errors[-1]["text"] in (sentence if sentence is CUT_OFF else {sentence})
    assert job.attempt == job.max_attempts == len((tmp_path / "marks").read_text().splitlines())
    assert house.wait_for(lambda: not house.services.leases.beats())


def test_a_job_that_kills_its_worker_each_time_ends_when_its_tries_are_used_up(house: House, tmp_path: Path) -> None:
    job = ended(house, tmp_path, "each_time", "kills its worker")
    assert (job.status, job.attempt) == (Status.STALE, 3)
    assert job.errors[-1]["text"] == "The worker that ran this job was killed."
    assert [attempt.outcome for attempt in house.services.jobs.attempts(job.id)] == ["lost", "lost", "stale"]
    after = ended(house, tmp_path, "again", "goes well")
    assert after.status is Status.COMPLETED, "others are none the worse for it"


def test_a_job_that_leaves_a_program_behind_ends_all_the_same(house: House, tmp_path: Path) -> None:
    assert ended(house, tmp_path, "once", "leaves a daemon").status is Status.COMPLETED
