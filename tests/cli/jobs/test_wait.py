"""Commands that last as long as a job, beside a real worker."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.installation import ENDLESS_SECONDS, PATIENCE_SECONDS, ROOT, Installation, environment, wait_for
from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.model.job import Status

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def deskjob(installation: Installation) -> Start:
    """Run a `deskjob` command beside a worker."""
    installation.start("worker", "--workers", "1")
    wait_for(lambda: installation.services.wake_ups.workers_alive("default") == 1)

    def begun(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(ROOT / "deskjob"), *words],
            env={**environment(), **installation.settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begun


def test_a_start_with_wait_prints_progress_and_succeeds_with_its_job(deskjob: Start) -> None:
    process = deskjob("job", "start", "steps", "--payload", '{"steps": 2, "seconds": 1}', "--wait")
    output, progress = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert len(output.strip()) == 36
    assert "running 50.0 %" in progress.splitlines()
    assert progress.splitlines()[-1] == "completed 100.0 %"


@pytest.mark.exhaustive
def test_a_start_with_wait_fails_with_its_job_and_prints_the_error(deskjob: Start) -> None:
    process = deskjob("job", "start", "exits", "--payload", '{"path": "3"}', "--wait", "--json")
    output, sentence = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    ended: dict[str, Any] = json.loads(output)
    assert ended["status"] == "failed"
    assert sentence == f"deskjob: Job {ended['id'][-8:]} failed: {ended['errors'][-1]['text']}\n"


@pytest.mark.exhaustive
def test_a_followed_log_has_every_line_and_ends_with_its_job(deskjob: Start, installation: Installation) -> None:
    installation.services.queues.pause("default")
    job_id = installation.job("talks", {"steps": 4, "seconds": 0.5})
    process = deskjob("job", "log", str(job_id)[-8:], "--follow", "--json")
    installation.services.queues.resume("default")
    top_up_wake_ups(installation.services.engine, installation.services.wake_ups.top_up)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert [json.loads(line)["text"] for line in output.splitlines()] == [f"step {n}" for n in range(4)]
    assert installation.get(job_id).status is Status.COMPLETED


@pytest.mark.exhaustive
def test_workers_are_listed_with_their_jobs(deskjob: Start, installation: Installation) -> None:
    job_id = installation.job("deaf", {"seconds": ENDLESS_SECONDS})
    installation.await_status(job_id, Status.RUNNING)
    (worker,) = json.loads(deskjob("worker", "list", "--json").communicate(timeout=PATIENCE_SECONDS)[0])
    assert (worker["state"], worker["job_id"], worker["job_type"]) == ("busy", str(job_id), "deaf")
    assert "default" in worker["queues"]
    assert worker["silent_for"] < PATIENCE_SECONDS
