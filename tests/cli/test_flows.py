"""flows start, show, cancel and retry; `test_every_command.py` compares them with themselves over the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.schema import audit, jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]


def document(**second: Any) -> str:
    first = {"type": "job_history_export", "payload": {"format": "csv"}, "name": "first"}
    return json.dumps({"title": "Two", "jobs": [first, {**first, "name": "second", "after": ["first"], **second}]})


def test_a_flow_is_started_shown_stopped_and_retried(run: Run, services: Services, user: User) -> None:
    flow_id = run("flows", "start", "-", "--as", user.name, input=document()).stdout.strip()
    assert "queued" in run("flows", "show", flow_id).stdout
    assert run("flows", "show", flow_id).stdout.splitlines()[2].endswith("second, after first")
    stopped = json.loads(run("flows", "cancel", flow_id, "--json").stdout)
    assert [job["status"] for job in stopped["jobs"]] == ["cancelled", "cancelled"]
    assert "All jobs of the flow have ended." in run("flows", "cancel", flow_id).stderr
    retried = json.loads(run("flows", "retry", flow_id, "--json").stdout)
    assert [job["status"] for job in retried["jobs"]] == ["queued", "held"]
    assert "Nothing to retry" in run("flows", "retry", flow_id).stderr
    with reading(services.engine) as connection:
        assert list(connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars()) == [
            *("flow_start", "flow_stop", "flow_retry"),
        ]
        assert set(connection.execute(select(jobs.c.owner_id)).scalars()) == {user.id}


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ({"after": ["third"]}, "#/jobs/1/after/0: The job “second” follows “third”, but the flow has no job of that"),
        ({"payload": {"format": "stone"}}, "#/jobs/1/payload/format: "),
        ({"colour": "red"}, "#/jobs/1/colour: "),
        ({"type": "unknown"}, "There is no job type 'unknown'."),
    ],
)
def test_a_bad_file_is_refused_with_one_sentence_and_nothing_is_written(
    run: Run, services: Services, second: dict[str, Any], sentence: str
) -> None:
    done = run("flows", "start", "-", input=document(**second))
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr
    assert services.queries.all_jobs.newest(1) == ()


def test_other_text_is_no_flow(run: Run) -> None:
    assert "is not valid JSON" in run("flows", "start", "-", input="{").stderr
    assert "There is no flow" in run("flows", "show", "00000000-0000-0000-0000-000000000000").stderr
