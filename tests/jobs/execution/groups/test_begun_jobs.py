import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.jobs.conftest import HOLDER
from webapp.jobs.execution.groups.begun_jobs import MOST_JOBS, BegunJobs
from webapp.jobs.model.job import Job, Owner, Status

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
LEASE = UUID(int=7)


@pytest.fixture
def begun_jobs(tmp_path: Path) -> BegunJobs:
    return BegunJobs(tmp_path / "work-horses", "boot")


@pytest.fixture
def job() -> Job:
    return Job(id=uuid4(), type="t", title="", status=Status.RUNNING, owner=Owner(), payload={}, attempt=3)


def test_a_job_is_noted_when_it_begins_and_when_it_completes(begun_jobs: BegunJobs, job: Job) -> None:
    file = begun_jobs.file_of("w")
    assert file
    file.open(LEASE)
    file.begin(job, AT)
    noted = begun_jobs.under(LEASE, "w")
    assert noted
    assert (noted.pid, noted.is_running(job)) == (os.getpid(), True)
    file.complete(AT, LATER, 0.5, 1000)
    noted = begun_jobs.under(LEASE, "w")
    assert noted
    assert not noted.is_running(job)
    [begun] = noted.begun
    assert begun == noted.of(job)
    assert (begun.begun_at, begun.completed_at, begun.cpu_seconds, begun.peak_memory) == (AT, LATER, 0.5, 1000)


def test_another_attempt_or_job_has_not_begun(begun_jobs: BegunJobs, job: Job) -> None:
    file = begun_jobs.file_of("w")
    assert file
    file.open(LEASE)
    file.begin(job, AT)
    noted = begun_jobs.under(LEASE, "w")
    assert noted
    assert noted.of(replace(job, attempt=4)) is None
    assert noted.of(replace(job, id=uuid4())) is None


def test_forgotten_jobs_have_not_begun(begun_jobs: BegunJobs, job: Job) -> None:
    file = begun_jobs.file_of("w")
    assert file
    file.open(LEASE)
    file.begin(job, AT)
    file.forget()
    noted = begun_jobs.under(LEASE, "w")
    assert noted
    assert noted.begun == ()


@pytest.mark.parametrize(
    "read",
    [
        lambda _: BegunJobs(_ / "work-horses", "boot").under(UUID(int=8), "w"),  # another lease
        lambda _: BegunJobs(_ / "work-horses", "rebooted").under(LEASE, "w"),
        lambda _: BegunJobs(_ / "work-horses", "boot").under(LEASE, "other"),
        lambda _: BegunJobs(_ / "elsewhere", "boot").under(LEASE, "w"),
    ],
)
def test_nothing_is_known_of_another_lease_boot_or_worker(
    begun_jobs: BegunJobs, job: Job, tmp_path: Path, read: Callable[[Path], object]
) -> None:
    file = begun_jobs.file_of("w")
    assert file
    file.open(LEASE)
    file.begin(job, AT)
    assert read(tmp_path) is None


def test_nothing_is_known_from_a_damaged_file(begun_jobs: BegunJobs, tmp_path: Path) -> None:
    file = begun_jobs.file_of("w")
    assert file
    file.open(LEASE)
    (tmp_path / "work-horses" / "w").write_bytes(b"short")
    assert begun_jobs.under(LEASE, "w") is None


def test_the_file_of_a_work_horse_continues_that_of_the_one_before(begun_jobs: BegunJobs, job: Job) -> None:
    first = begun_jobs.file_of("w")
    assert first
    first.open(LEASE)
    first.begin(job, AT)
    assert begun_jobs.file_of("w"), "the next work-horse is forked before this one is settled"
    noted = begun_jobs.under(LEASE, "w")
    assert noted
    assert noted.is_running(job)


def test_a_file_has_room_for_a_group(begun_jobs: BegunJobs, job: Job) -> None:
    file = begun_jobs.file_of("w")
    assert file
    file.open(LEASE)
    group = [replace(job, id=uuid4()) for _ in range(MOST_JOBS)]
    for one in group:
        file.begin(one, AT)
    noted = begun_jobs.under(LEASE, "w")
    assert noted
    assert [begun.job_id for begun in noted.begun] == [one.id for one in group]


def test_a_folder_that_cannot_be_written_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert BegunJobs(tmp_path / "file", "boot").file_of("w") is None


def test_only_its_owner_can_read_a_file_and_a_workers_name_is_not_a_path(begun_jobs: BegunJobs, tmp_path: Path) -> None:
    assert begun_jobs.file_of("../../w")
    path = tmp_path / "work-horses" / "w"
    assert path.stat().st_mode & 0o077 == 0
    begun_jobs.remove("../w")
    assert not path.exists()
    begun_jobs.remove("w")


def test_a_holder_without_a_work_horse_has_no_file(begun_jobs: BegunJobs) -> None:
    assert begun_jobs.under(LEASE, HOLDER.worker) is None
