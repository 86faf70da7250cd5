"""One job in a process of its own, alone or launched by a worker."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from sqlalchemy import select

from tests.exhaustive import exhaustive
from tests.frozen_processes import freeze
from tests.installation import ENDLESS_SECONDS, ENDLESS_STEPS, PATIENCE_SECONDS, SHORT_LEASE, Installation, wait_for
from webapp.db.engine import reading
from webapp.fault_injection import STRUCK
from webapp.jobs.launching.launches import LAUNCHED
from webapp.jobs.model.job import Status
from webapp.schema import attempts


@pytest.fixture(autouse=True)
def _nothing_is_left(installation: Installation) -> Iterator[None]:
    yield
    installation.end_launched()


COMMAND = [sys.executable, "-m", "webapp.cli", "worker", "--job", "{job}"]


def launchers(installation: Installation, start: list[str], **options: str) -> dict[str, str]:
    """Return the settings of workers that launch the jobs of the queue ``far``."""
    lines = [f"start = {start!r}", *(f"{name} = {value}" for name, value in options.items())]
    path = installation.folder / "launchers.toml"
    path.write_text("[queues.far]\n" + "\n".join(lines))
    installation.services.queues.add("far")
    return {"DESKJOB_LAUNCHERS": str(path)}


def workers_of(installation: Installation, job_id: UUID) -> list[str]:
    """Return the workers of the attempts of a job."""
    with reading(installation.services.engine) as connection:
        return list(connection.execute(select(attempts.c.worker).where(attempts.c.job_id == job_id)).scalars())


def test_a_queued_job_runs_to_its_end_which_the_exit_status_tells(installation: Installation) -> None:
    good, bad = installation.job("quick"), installation.job("exits", {"path": str(installation.folder / "mark")})
    assert installation.start("worker", "--job", str(good)).wait(PATIENCE_SECONDS) == 0
    assert installation.start("worker", "--job", str(bad)).wait(PATIENCE_SECONDS) == 1
    asking = installation.job("asks")
    assert installation.start("worker", "--job", str(asking)).wait(PATIENCE_SECONDS) == 0, "its answer launches another"
    assert installation.get(asking).waits_for_answer
    assert installation.get(good).status is Status.COMPLETED
    assert installation.get(bad).status is not Status.COMPLETED
    assert installation.services.leases.beats() == {}
    assert installation.services.workers.in_database() == ()


def test_a_second_process_for_the_same_job_says_so_and_changes_nothing(installation: Installation) -> None:
    go_on = installation.folder / "go-on"
    job_id = installation.job("steps", {"steps": 2, "until": str(go_on)})
    first = installation.start("worker", "--job", str(job_id))
    wait_for(lambda: installation.get(job_id).state.get("step") == 1)
    assert installation.start("worker", "--job", str(job_id)).wait(PATIENCE_SECONDS) == 2
    assert "does not wait for a process" in installation.output
    go_on.touch()
    assert first.wait(PATIENCE_SECONDS) == 0
    assert installation.get(job_id).state == {"step": 2, "by": [1, 1]}
    assert installation.start("worker", "--job", str(job_id)).wait(PATIENCE_SECONDS) == 2, "it has ended"


def test_sigterm_hands_the_job_back_with_its_checkpoint(installation: Installation) -> None:
    job_id = installation.job("steps", {"steps": 4, "until": str(installation.folder / "never")})
    process = installation.start("worker", "--job", str(job_id), DESKJOB_STOP_GRACE_SECONDS=str(ENDLESS_SECONDS))
    wait_for(lambda: installation.get(job_id).state.get("step") == 3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 1
    job = installation.get(job_id)
    assert (job.status, job.state["step"], job.errors) == (Status.QUEUED, 3, ())


@pytest.mark.exhaustive
def test_a_killed_work_horse_is_settled_by_its_process(installation: Installation) -> None:
    job_id = installation.job("steps", ENDLESS_STEPS, max_attempts=1)
    process = installation.start("worker", "--job", str(job_id))
    wait_for(lambda: installation.get(job_id).progress)
    os.kill(installation.await_horse(job_id).pid, signal.SIGKILL)
    assert process.wait(PATIENCE_SECONDS) == 1
    job = installation.get(job_id)
    assert job.status is Status.FAILED
    assert "was killed (SIGKILL)" in job.errors[-1]["text"]


def test_a_job_is_launched_runs_elsewhere_and_its_worker_is_free_meanwhile(installation: Installation) -> None:
    go_on = installation.folder / "go-on"
    settings = launchers(installation, COMMAND)
    ids = [installation.job("steps", {"steps": 2, "until": str(go_on)}, queue="far") for _ in range(2)]
    installation.start("worker", "--workers", "1", "--queues", "far", **settings)
    wait_for(lambda: all(installation.get(job_id).state.get("step") == 1 for job_id in ids))
    go_on.touch()
    jobs = [installation.await_status(job_id, Status.COMPLETED) for job_id in ids]
    assert [job.attempt for job in jobs] == [1, 1]
    assert len({name for job_id in ids for name in workers_of(installation, job_id)}) == 2, (
        "each in a process of its own"
    )


@pytest.mark.exhaustive
def test_a_launched_job_outlives_the_worker_that_launched_it(installation: Installation) -> None:
    go_on = installation.folder / "go-on"
    settings = launchers(installation, COMMAND)
    job_id = installation.job("steps", {"steps": 2, "until": str(go_on)}, queue="far")
    pool = installation.start("worker", "--workers", "1", "--queues", "far", **settings)
    wait_for(lambda: installation.get(job_id).state.get("step") == 1)
    pool.send_signal(signal.SIGTERM)
    assert pool.wait(PATIENCE_SECONDS) == 0
    go_on.touch()
    assert installation.await_status(job_id, Status.COMPLETED).attempt == 1


@pytest.mark.exhaustive
def test_a_launched_process_that_is_lost_is_noticed_by_the_clock(installation: Installation) -> None:
    settings = launchers(installation, COMMAND) | SHORT_LEASE
    job_id = installation.job("steps", ENDLESS_STEPS, queue="far", max_attempts=1)
    installation.start("worker", "--workers", "1", "--queues", "far", **settings)
    wait_for(lambda: installation.get(job_id).state.get("step"))
    horse = installation.await_horse(job_id)
    process = horse.parent()
    assert process is not None
    freeze(installation.services.engine, process, horse)
    installation.start("clock", **SHORT_LEASE)
    job = installation.await_status(job_id, Status.STALE)
    assert job.errors[-1]["text"] == "The machine that ran this job stopped responding."
    for one in (horse, process):
        one.kill()


@pytest.mark.exhaustive
def test_a_job_whose_process_never_comes_fails_and_is_stopped_by_the_launcher(
    installation: Installation, tmp_path: Path
) -> None:
    stop = f"['touch', '{tmp_path}/{{name}}']"
    settings = launchers(installation, ["true", "{job}"], stop=stop, begin_within_seconds="1")
    job_id = installation.job("quick", queue="far", max_attempts=1)
    installation.start("worker", "--workers", "1", "--queues", "far", **settings)
    wait_for(lambda: installation.get(job_id).message == LAUNCHED)
    installation.start("clock")
    job = installation.await_status(job_id, Status.FAILED)
    assert "did not begin within 1 s of its launch" in job.errors[-1]["text"]
    wait_for((tmp_path / f"deskjob-{job_id.hex}-1").exists)
    assert installation.start("worker", "--job", str(job_id)).wait(PATIENCE_SECONDS) == 2, "it came too late"


@pytest.mark.exhaustive
def test_what_a_job_needs_above_its_memory_ends_it_with_a_sentence(installation: Installation) -> None:
    """The limit is that of the launcher: here of a plain process, elsewhere of a control group or a container."""
    limited = ["sh", "-c", 'ulimit -v $(($1 * 1024)); shift; exec "$@"', "sh", "{memory}", *COMMAND]
    settings = launchers(installation, limited, memory="1500")
    job_id = installation.job("holds", {"items": 1, "bytes_each": 4 * 1024**3}, queue="far", max_attempts=1)
    installation.start("worker", "--workers", "1", "--queues", "far", **settings)
    job = installation.await_status(job_id, Status.FAILED)
    assert "memory" in job.errors[-1]["text"].lower()


@pytest.mark.exhaustive
def test_processes_that_a_launched_job_leaves_are_ended_with_it(installation: Installation) -> None:
    mark = installation.folder / "mark"
    settings = launchers(installation, COMMAND)
    job_id = installation.job("leaves_a_child", {"path": str(mark)}, queue="far", max_attempts=1)
    installation.start("worker", "--workers", "1", "--queues", "far", **settings)
    wait_for(mark.exists)
    os.kill(installation.await_horse(job_id).pid, signal.SIGKILL)
    installation.await_status(job_id, Status.FAILED)
    child = int(mark.read_text())
    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


LAUNCHING = ("launch.wait", "launch.begin", "launch.commit", "launch.start", "launch.started", "one-job.begun")


@pytest.mark.parametrize(
    "point", [exhaustive(point) if number else point for number, point in enumerate((*LAUNCHING, "clock.launch"))]
)
def test_a_job_runs_once_whatever_is_killed_during_its_launch(installation: Installation, point: str) -> None:
    faults = installation.folder / "faults"
    faults.mkdir()
    (faults / point).write_text("kill")
    comes = point != "clock.launch"  # of the first process, which the clock waits for otherwise
    command = (
        COMMAND if comes else ["sh", "-c", f'[ -e {faults}/first ] && exec "$@"; touch {faults}/first', "sh", *COMMAND]
    )
    settings = launchers(installation, command, begin_within_seconds="300" if comes else "1") | SHORT_LEASE
    settings["DESKJOB_FAULTS"] = str(faults)
    job_id = installation.job("steps", {"steps": 2}, queue="far", max_attempts=3)
    installation.start("worker", "--workers", "1", "--queues", "far", **settings)
    clock = installation.start("clock", **settings)
    if not comes:
        clock.wait(PATIENCE_SECONDS)
        installation.start("clock", **settings)
    job = installation.await_status(job_id, Status.COMPLETED)
    wait_for((faults / f"{point}{STRUCK}").exists)
    assert len(job.state["by"]) == 2, "each step ran once"
    assert installation.services.launches.count_waiting() == {}
