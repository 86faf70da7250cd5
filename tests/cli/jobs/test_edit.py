import json
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]


def test_a_waiting_job_is_edited(run: Run, start: Callable[..., str], services: Services) -> None:
    job = start()
    words = ("--payload", '{"format": "xlsx"}', "--priority", 7, "--tags", "Urgent", "--at", "2099-01-01T12:00Z")
    edited = json.loads(run("job", "edit", job, *words, "--json").stdout)
    assert (edited["status"], edited["priority"], edited["tags"]) == ("scheduled", 7, ["urgent"])
    assert edited["payload"]["format"] == "xlsx"
    run("job", "edit", job, "--now")
    assert services.queries.all_jobs.newest(1, tag="urgent")[0].run_at <= services.queries.jobs.now()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Say what to change"),
        (("--now", "--at", "2099-01-01T12:00Z"), "Give --at or --now, not both."),
        (("--tags", "x" * 41), "A tag must have 1 to 40 visible characters"),
        (("--queue", "nowhere"), "There is no queue 'nowhere'."),
        (("--payload", '{"format": "stone"}'), "format"),
    ],
)
def test_a_bad_edit_is_refused(run: Run, start: Callable[..., str], words: tuple[str, ...], sentence: str) -> None:
    refused = run("job", "edit", start(), *words)
    assert (refused.exit_code, sentence in refused.stderr) == (2, True)


def test_a_job_that_has_ended_is_not_edited(run: Run, start: Callable[..., str]) -> None:
    job = start()
    run("job", "cancel", job)
    refused = run("job", "edit", job, "--priority", "7")
    assert (refused.exit_code, "has started or ended" in refused.stderr) == (1, True)
