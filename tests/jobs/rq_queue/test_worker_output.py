"""Output of jobs in real work-horses."""

import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from tests.installation import TYPES, Installation, installed, wait_for
from tests.jobs.rq_queue import printing_types
from webapp.jobs.execution.output.output_lines import FULL
from webapp.jobs.model.job import Status


@pytest.fixture(scope="module")
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    with installed(sqlite_template, valkey_url) as installation:
        for kind in (printing_types.printing, printing_types.printing_its_name, printing_types.printing_elsewhere):
            installation.services.registry.add(kind)
        installation.start("worker", "--workers", "1", DESKJOB_JOBTYPES=f"{TYPES},{printing_types.__name__}")
        yield installation


def printing(installation: Installation, what: str, status: Status = Status.COMPLETED) -> UUID:
    job_id = installation.job("printing", {"what": what})
    installation.await_status(job_id, status)
    return job_id


def texts(installation: Installation, job_id: UUID) -> list[str]:
    lines = installation.services.queries.logs.log(job_id, limit=20_000)
    return [line.text for line in lines]


@pytest.mark.exhaustive
def test_output_of_a_killed_job_is_kept(installation: Installation) -> None:
    job_id = printing(installation, "is killed", Status.FAILED)
    assert texts(installation, job_id) == ["printed", "of a program", "last words"]


def test_the_place_of_a_crash_is_in_the_log(installation: Installation) -> None:
    found = texts(installation, printing(installation, "crashes", Status.FAILED))
    assert found[:2] == ["before", "Fatal Python error: Segmentation fault"]
    assert any("printing_types.py" in line and "in crash" in line for line in found)


def test_much_output_is_bounded_and_not_in_the_log_of_the_worker(installation: Installation) -> None:
    before = len(installation.output)
    found = texts(installation, printing(installation, "prints a lot"))
    assert found[-2] == FULL
    assert found[-1] == "Output that was too long for this log was dropped: 19,456 lines, 19,456 KiB."
    assert len(installation.output) - before < 2000


def test_native_code_that_keeps_python_from_reading_does_not_wait_for_ever(installation: Installation) -> None:
    before = len(installation.output)
    job_id = printing(installation, "writes without Python")
    wait_for(lambda: "native code wrote them" in installation.output[before:])  # the worker says so a moment later
    assert installation.get(job_id).errors == ()


def test_output_does_not_reach_the_log_of_another_job(installation: Installation) -> None:
    ids = {f"job {number}": installation.job("printing_its_name", {"what": f"job {number}"}) for number in range(40)}
    for name, job_id in ids.items():
        installation.await_status(job_id, Status.COMPLETED)
        assert texts(installation, job_id) == [name, f"INFO a.library: {name}", name]


def test_a_type_without_capture_writes_into_the_log_of_the_worker(installation: Installation) -> None:
    job_id = installation.job("printing_elsewhere", {"what": "operators"})
    installation.await_status(job_id, Status.COMPLETED)
    wait_for(lambda: all(f"{how} for operators" in installation.output for how in ("printed", "logged", "echoed")))
    assert texts(installation, job_id) == []


def test_programs_of_a_job_end_with_it(installation: Installation) -> None:
    job_id = printing(installation, "leaves a daemon")
    (pid,) = map(int, texts(installation, job_id))
    wait_for(lambda: not psutil.pid_exists(pid))


@pytest.mark.parametrize("whom", ["work-horse", "worker"])
def test_programs_end_with_a_killed_job(installation: Installation, whom: str) -> None:
    job_id = installation.job("printing", {"what": "leaves a daemon and waits"})
    horse = installation.await_horse(job_id)
    pid = int(wait_for(lambda: texts(installation, job_id))[0])
    (horse if whom == "work-horse" else horse.parent()).send_signal(signal.SIGKILL)
    installation.await_status(job_id, Status.FAILED, Status.STALE)
    wait_for(lambda: not psutil.pid_exists(pid))
