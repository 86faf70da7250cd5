import json
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]


def test_everything_is_paused_with_a_reason_and_resumed(run: Run, start: Callable[..., str]) -> None:
    job = start()
    paused = json.loads(run("pause", "--reason", "Moving the database", "--json").stdout)
    assert paused["reason"] == "Moving the database"
    assert "Everything has been paused since" in run("queue", "list").stderr
    refused = run("job", "run", job)
    assert (refused.exit_code, "everything is paused" in refused.stderr) == (2, True)
    assert run("resume").stdout == "Jobs can start.\n"


def test_a_reason_that_is_too_long_changes_nothing(run: Run, services: Services) -> None:
    refused = run("pause", "--reason", "x" * 201)
    assert (refused.exit_code, "at most 200 characters" in refused.stderr) == (2, True)
    assert services.global_pause.get() is None
