"""A dry run from the page of a job: asked first, in a process of its own, and its result is shown."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.execution.by_hand.dry_run import DryRunLine
from webapp.jobs.execution.by_hand.dry_run_process import DryRunBusy, DryRunResult
from webapp.jobs.model.job import Job, Owner, Status
from webapp.schema import audit, metadata
from webapp.services import Services

Put = Callable[..., Job]
LINES = (
    DryRunLine("progress", "10 %"),
    DryRunLine("message", "on"),
    DryRunLine("warning", "odd <b>"),
    DryRunLine("file", "a.txt, 3 bytes, text/plain"),
    DryRunLine("progress", "42 %"),
    DryRunLine("output", "printed"),
    DryRunLine("traceback", "Traceback (most recent call last): no ink"),
)


@pytest.fixture
def answers(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Let the process answer so, without starting it."""

    def answer(result: DryRunResult | Exception) -> None:
        def run(job: Job) -> DryRunResult:
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(services.dry_run_processes, "run", run)

    return answer


def test_the_page_asks_before_it_starts_a_dry_run(client: FlaskClient, put: Put) -> None:
    job = put(Status.COMPLETED, type="maintenance", owner=Owner(user_id=put().owner.user_id))
    page = client.get(f"/jobs/{put(Status.FAILED, type='job_history_export').id}").text
    assert "Dry run…" in page
    assert "Dry run…" not in client.get(f"/jobs/{job.id}").text, "maintenance is for operators"
    job = put(Status.FAILED, type="job_history_export")
    question = client.get(f"/jobs/{job.id}/dry-run").text
    assert f"#{job.short_id}?" in question
    assert "Effects on other systems" in question
    assert f'action="/jobs/{job.id}/dry-run"' in question


def test_the_result_is_shown_and_only_operators_see_the_traceback(
    client: FlaskClient, admins: FlaskClient, put: Put, answers: Callable[[Any], None]
) -> None:
    job = put(Status.FAILED, type="job_history_export")
    answers(DryRunResult(lines=LINES, completes=False, sentence="It would fail: ValueError: no ink"))
    page = client.post(f"/jobs/{job.id}/dry-run").text
    for text in (
        "It would fail: ValueError: no ink",
        "Nothing was changed.",
        "42 %",
        "odd &lt;b&gt;",
        "a.txt, 3 bytes",
        "printed",
    ):
        assert text in page
    assert "10 %" not in page
    assert "Traceback" not in page
    assert "Traceback (most recent call last): no ink" in admins.post(f"/jobs/{job.id}/dry-run").text


def test_a_job_without_a_handler_to_call_has_no_dry_run(admins: FlaskClient, put: Put) -> None:
    for job in (put(Status.FAILED), put(Status.RUNNING, type="job_history_export", record_only=True, queue="")):
        assert "Dry run…" not in admins.get(f"/jobs/{job.id}").text
        assert admins.post(f"/jobs/{job.id}/dry-run").status_code == 409


def test_a_second_dry_run_at_once_is_a_conflict(client: FlaskClient, put: Put, answers: Callable[[Any], None]) -> None:
    answers(DryRunBusy())
    answer = client.post(f"/jobs/{put(Status.FAILED, type='job_history_export').id}/dry-run")
    assert answer.status_code == 409
    assert "Another dry run is in progress." in answer.text


def test_a_dry_run_changes_nothing(client: FlaskClient, services: Services, user: User) -> None:
    def rows() -> dict[str, list[str]]:
        with reading(services.engine) as connection:
            tables = [table for table in metadata.sorted_tables if table is not audit and table.name != "sessions"]
            return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}

    job = services.jobs.create_user_job("job_history_export", {"format": "jsonl"}, user.id)
    before = rows()
    page = client.post(f"/jobs/{job.id}/dry-run").text
    assert "It would complete." in page
    assert "job-history.jsonl, " in page
    assert "1 job" in page
    assert rows() == before
