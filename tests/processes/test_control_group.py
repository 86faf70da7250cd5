"""The launcher with control groups in deploy/launchers, with real groups of this machine."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from tests.frozen_processes import freeze
from tests.installation import ENDLESS_STEPS, PATIENCE_SECONDS, Installation, wait_for
from tests.processes.test_one_job import COMMAND, launchers
from webapp.jobs.model.job import Job, Status

PROGRAM = str(Path(__file__).parents[2] / "deploy" / "launchers" / "control-group")
MEGABYTES = 200  # of the group; a process for one job needs about half of it
PERIOD_SECONDS = 0.1
SHARE = 0.25


def groups_of(name: str) -> list[Path]:
    return list(Path("/sys/fs/cgroup").glob(f"**/{name}"))


def are_possible() -> bool:
    """Return whether this process can create control groups with limits, and remove them."""
    if os.geteuid() != 0:
        return False
    name = f"deskjob-probe-{os.getpid()}"
    return subprocess.run([PROGRAM, "start", name, "64", "1", "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not are_possible(), reason="Control groups with limits need root and Linux.")


@pytest.fixture(autouse=True)
def _nothing_is_left(installation: Installation) -> Iterator[None]:
    yield
    installation.end_launched()
    for group in {group.name for group in groups_of("deskjob-*")}:
        subprocess.run([PROGRAM, "stop", group], check=True)


def start_worker(installation: Installation, memory: int = MEGABYTES, cpu: float = 1) -> None:
    """Start a worker that launches the jobs of the queue ``far`` in control groups."""
    start = [PROGRAM, "start", "{name}", "{memory}", "{cpu}", *COMMAND]
    stop = f"{[PROGRAM, 'stop', '{name}']!r}"
    settings = launchers(installation, start, stop=stop, memory=str(memory), cpu=str(cpu))
    installation.start("worker", "--workers", "1", "--queues", "far", **settings)


def name_of(job_id: UUID) -> str:
    return f"deskjob-{job_id.hex}-1"


def end(installation: Installation, job_id: UUID, *statuses: Status) -> Job:
    """Wait until a job has ended and its group is gone."""
    job = installation.await_status(job_id, *statuses)
    wait_for(lambda: not groups_of(name_of(job_id)))
    return job


@pytest.mark.exhaustive
def test_a_job_within_its_memory_completes_in_its_group(installation: Installation) -> None:
    go_on = installation.folder / "go-on"
    start_worker(installation)
    job_id = installation.job("steps", {"steps": 2, "until": str(go_on)}, queue="far", max_attempts=1)
    wait_for(lambda: installation.get(job_id).state.get("step") == 1)
    horse = installation.await_horse(job_id)
    assert name_of(job_id) in Path(f"/proc/{horse.pid}/cgroup").read_text()
    go_on.touch()
    assert end(installation, job_id, Status.COMPLETED).attempt == 1


def test_a_job_above_its_memory_is_killed_by_the_kernel_and_says_so(installation: Installation) -> None:
    start_worker(installation)
    hoard = {"items": 1, "bytes_each": 2 * MEGABYTES * 1024**2}
    job_id = installation.job("hoards", hoard, queue="far", max_attempts=1)
    job = end(installation, job_id, Status.FAILED)
    why = "The kernel killed the process that ran this job, because memory ran out: it used up to "
    assert job.errors[-1]["text"].startswith(why), job.errors
    assert int(job.errors[-1]["text"].removeprefix(why).split()[0]) <= MEGABYTES


@pytest.mark.exhaustive
def test_a_job_has_its_share_of_a_core(installation: Installation) -> None:
    """In each period the kernel lets the processes of the group compute for their quota."""
    start_worker(installation, cpu=SHARE)
    mark = installation.folder / "mark"
    job_id = installation.job("computes", {"path": str(mark)}, queue="far", max_attempts=1)
    wait_for(lambda: installation.get(job_id).state)
    started_with = statistics_of(job_id)["nr_throttled"]
    wait_for(lambda: statistics_of(job_id)["nr_throttled"] >= started_with + 20)
    processes = processes_of(job_id)
    used = sum(sum(process.cpu_times()[:2]) for process in processes)
    periods = statistics_of(job_id)["nr_periods"]
    assert len(processes) >= 2, "the process of the job, and its work-horse"
    assert 0 < used <= SHARE * PERIOD_SECONDS * (periods + 2)
    mark.touch()
    end(installation, job_id, Status.COMPLETED)


@pytest.mark.exhaustive
def test_a_job_is_stopped_in_its_group(installation: Installation) -> None:
    start_worker(installation)
    job_id = installation.job("steps", ENDLESS_STEPS, queue="far", max_attempts=1)
    wait_for(lambda: installation.get(job_id).state.get("step"))
    installation.services.jobs.cancel(job_id)
    end(installation, job_id, Status.CANCELLED)


@pytest.mark.exhaustive
def test_a_process_whose_job_was_taken_away_is_killed_with_its_group(installation: Installation) -> None:
    start_worker(installation)
    installation.start("clock")
    job_id = installation.job("steps", ENDLESS_STEPS, queue="far", max_attempts=1)
    wait_for(lambda: installation.get(job_id).state)
    freeze(installation.services.engine, *processes_of(job_id))
    installation.services.leases.settle(installation.get(job_id).lease_id, why="Taken away.")
    end(installation, job_id, Status.STALE, Status.FAILED)


@pytest.mark.exhaustive
def test_sigterm_reaches_the_command_and_its_exit_status_is_passed_on() -> None:
    script = 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done'
    command = [PROGRAM, "start", f"deskjob-test-{os.getpid()}", "64", "1", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 7


def processes_of(job_id: UUID) -> list[psutil.Process]:
    pids = {pid for group in groups_of(name_of(job_id)) for pid in (group / "cgroup.procs").read_text().split()}
    return [psutil.Process(int(pid)) for pid in pids]


def statistics_of(job_id: UUID) -> dict[str, int]:
    files = [group / "cpu.stat" for group in groups_of(name_of(job_id)) if (group / "cpu.stat").exists()]
    lines = files[0].read_text().splitlines() if files else []
    return {name: int(value) for name, value in (line.split() for line in lines)}
