"""The columns of the lists of jobs are chosen by each user."""

from collections.abc import Callable

from flask.testing import FlaskClient

from webapp.jobs.model.job import Job, Status

Put = Callable[..., Job]


def headers(page: str) -> list[str]:
    head = page.split("<thead>")[1].split("</thead>", maxsplit=1)[0]
    return [part.split("</th>")[0].rpartition(">")[2] for part in head.split("<th ")[1:]][1:]


def choose(client: FlaskClient, *columns: str, **more: str) -> str:
    csrf = client.get("/jobs").text.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post("/jobs/columns", data={"csrf_token": csrf, "column": list(columns), **more})
    assert answer.status_code == 303
    return str(answer.location)


def test_a_user_chooses_columns_and_keeps_the_filter(client: FlaskClient, admins: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED, queue="slow")
    assert headers(client.get("/jobs").text) == ["Job", "Status", "Started by", "Files", "When"]
    assert choose(client, "by", "queue", "nonsense", tab="done") == "/jobs?tab=done"
    page = client.get("/jobs").text
    assert headers(page) == ["Job", "Status", "Started by", "Queue", "When"]
    assert '<td class="table__extra" data-label="Queue">slow</td>' in page
    assert headers(admins.get("/jobs").text) == ["Job", "Status", "Started by", "Files", "When"], "of another user"


def test_every_column_has_a_text_and_none_is_possible(client: FlaskClient, put: Put) -> None:
    put(Status.RUNNING, attempt=1)
    put(Status.QUEUED)
    choose(client, "by", "files", "type", "queue", "duration", "created", "attempt", "priority")
    page = client.get("/jobs?tab=all&q=report").text
    assert page.count('class="table__extra" data-label=') == 12
    choose(client)
    assert headers(client.get("/jobs").text) == ["Job", "Status", "When"]
    choose(client, "by", "files")
    assert "Files" in headers(client.get("/jobs").text)


def test_a_poll_shows_the_chosen_columns(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED)
    choose(client, "priority")
    assert headers(client.get("/jobs/_live", headers={"HX-Request": "true"}).text) == [
        "Job",
        "Status",
        "Priority",
        "When",
    ]
