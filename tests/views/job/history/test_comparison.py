"""The page on which two runs stand side by side."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient

from tests.views.page.conftest import add_step
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

Put = Callable[..., Job]
AT = datetime(2026, 11, 28, 9, tzinfo=UTC)


def run(put: Put, seconds: int, file_format: str = "csv", **values: object) -> Job:
    times = {"started_at": AT, "finished_at": AT + timedelta(seconds=seconds)}
    return put(
        Status.COMPLETED, type="job_history_export", payload={"format": file_format}, attempt=1, **times, **values
    )


def test_two_runs_are_shown_with_their_differences(client: FlaskClient, put: Put, services: Services) -> None:
    first, second = run(put, 60), run(put, 90, "json", message="7 <rows>")
    add_step(services, second, "fetch")
    page = client.get(f"/jobs/{second.id}/compare?with={first.id}").text
    assert f"#{first.short_id}" in page
    assert "+30" in page
    assert "7 &lt;rows&gt;" in page
    assert "fetch" in page
    assert "equal value" in page


def test_input_is_named_as_in_the_form_and_what_is_not_set_does_not_differ(client: FlaskClient, put: Put) -> None:
    times = {"type": "job_history_export", "started_at": AT, "finished_at": AT + timedelta(seconds=1)}
    first = put(Status.COMPLETED, payload={"format": "csv"}, **times)
    second = put(Status.COMPLETED, payload={"format": "jsonl", "tag": None}, **times)
    rows = client.get(f"/jobs/{second.id}/compare?with={first.id}").text.split("<tr>")
    (format_row,) = (row for row in rows if '<th scope="row">Format</th>' in row)
    assert "<td>CSV</td>" in format_row
    assert "<strong>JSON Lines</strong>" in format_row
    (tag_row,) = (row for row in rows if '<th scope="row">Tag</th>' in row)
    assert "<strong>" not in tag_row


def test_without_a_choice_the_run_before_is_taken(client: FlaskClient, put: Put) -> None:
    older, before, job, _later = (run(put, seconds) for seconds in (1, 2, 3, 4))
    page = client.get(f"/jobs/{job.id}/compare").text
    assert f'value="{before.id}" selected' in page
    assert f'value="{older.id}"' in page


def test_a_repeated_job_is_compared_with_the_one_before(client: FlaskClient, put: Put) -> None:
    first, _between = run(put, 1), run(put, 2)
    again = run(put, 3, again_of=first.id)
    assert f'value="{first.id}" selected' in client.get(f"/jobs/{again.id}/compare").text


def test_a_lone_run_has_nothing_to_compare_with(client: FlaskClient, put: Put) -> None:
    assert "There is no other job of this type yet." in client.get(f"/jobs/{run(put, 1).id}/compare").text


def test_a_job_of_somebody_else_is_not_compared(client: FlaskClient, put: Put, services: Services) -> None:
    stranger = services.accounts.add("stranger", "plain tests are calm tests")
    theirs = run(put, 1, owner=Owner(user_id=stranger.id))
    mine = run(put, 2)
    assert client.get(f"/jobs/{mine.id}/compare?with={theirs.id}").status_code == 404
    assert str(theirs.id) not in client.get(f"/jobs/{mine.id}/compare").text


def test_a_repeated_job_that_the_user_cannot_open_is_not_compared(client: FlaskClient, put: Put) -> None:
    closed = put(
        Status.COMPLETED,
        type="maintenance",
        payload={"dry_run": True},
        message="hidden words",
        owner=Owner(public=True),
    )
    again = run(put, 3, again_of=closed.id)
    page = client.get(f"/jobs/{again.id}/compare").text
    assert str(closed.id) not in page
    assert "hidden words" not in page
