import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]


def queue(run: Run, *words: object) -> dict[str, Any]:
    done = run("queue", *words, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def test_queues_are_listed_with_their_waiting_jobs(run: Run, start: Callable[..., str]) -> None:
    start()
    start()
    found = queue(run, "list")
    assert (found["name"], found["waiting"], found["running"]) == ("default", 2, 0)
    assert run("queue", "list").stdout.split()[:3] == ["default", "2", "waiting"]


def test_a_queue_is_paused_with_a_reason_and_resumed(run: Run, services: Services) -> None:
    assert queue(run, "pause", "default", "--reason", "Moving the database")["reason"] == "Moving the database"
    assert "paused: Moving the database" in run("queue", "list").stdout
    assert queue(run, "resume", "default")["paused_at"] is None
    assert services.queues.get("default").reason == ""


def test_a_limit_of_a_queue_is_set_and_removed(run: Run) -> None:
    assert queue(run, "limit", "default", "3")["max_running"] == 3
    assert "at most 3 at once" in run("queue", "list").stdout
    assert queue(run, "limit", "default", "none")["max_running"] is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("pause", "typo"), "There is no queue 'typo'. See `deskjob queue list`"),
        (("pause", "default", "--reason", "x" * 201), "--reason can have at most 200 characters"),
        (("limit", "default", "-1"), "No such option"),
        (("limit", "default", "few"), "'few' is no limit; write a number from 0 on, or none"),
        (("limit", "default"), "Missing argument 'N|none'"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    refused = run("queue", *words)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert sentence in refused.stderr


def test_a_queue_is_emptied_only_after_a_confirmation(run: Run, services: Services, start: Callable[..., str]) -> None:
    for _ in range(2):
        start()
    assert run("queue", "empty", "default").exit_code == 1, "nobody output yes"
    assert services.queues.count_queued("default") == 2
    done = run("queue", "empty", "default", "--yes", "--json")
    assert "2 jobs stopped." in done.stderr
    assert json.loads(done.stdout)[0]["waiting"] == 0


def test_a_queue_that_was_added_by_mistake_is_removed(run: Run, services: Services) -> None:
    assert run("queue", "add", "mistake").exit_code == 0
    job = services.jobs.create_job("maintenance", queue="mistake")
    refused = run("queue", "remove", "mistake")
    assert (refused.exit_code, "it has unfinished jobs" in refused.stderr) == (1, True)
    services.jobs.cancel(job.id)
    assert run("queue", "remove", "mistake").exit_code == 0
    assert run("queue", "remove", "mistake").exit_code == 2, "there is none any more"
    refused = run("queue", "remove", "default")
    assert (refused.exit_code, "a job type uses it" in refused.stderr) == (1, True)
