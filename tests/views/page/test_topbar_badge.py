"""The badge: how many of the user's jobs are active, and a red mark for failures that they have not looked at."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.jobs.statements import recorded
from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.services import Services

Put = Callable[..., Job]
POLL = {"HX-Request": "true", "X-Poll": "1"}


@pytest.fixture
def fail(services: Services, user: User) -> Callable[[], Job]:
    """Let a job of the user fail, as its owner is then notified."""

    def fail() -> Job:
        job = services.jobs.create_job("maintenance", owner=Owner(user_id=user.id), dispatch=False)
        services.jobs.change(job.id, Job.mark_running)
        return services.jobs.change(job.id, lambda running: running.mark_failed(["It broke."]))

    return fail


def badge(page: str) -> str:
    found = re.search(r'id="running-badge".*?</button>', page, re.DOTALL)
    assert found is not None
    return found[0]


def count(page: str) -> str:
    return re.search(r'badge__count">([^<]*)<', badge(page))[1]


def is_marked(client: FlaskClient) -> bool:
    return "badge__mark" in badge(client.get("/me").text)


def test_the_badge_counts_the_unfinished_jobs_of_the_user_with_their_root(client: FlaskClient, put: Put) -> None:
    assert count(client.get("/jobs").text) == "0"
    for status in Status:
        root = put(status)
    put(Status.RUNNING, root_id=root.id)
    put(Status.RUNNING, owner=Owner(public=True))
    page = client.get("/jobs").text
    assert count(page) == "5"
    assert "<title>(5) Jobs" in page
    popover = re.sub(r"<[^>]+>", " ", page[page.index('id="running-jobs"') : page.index('id="bell"')])
    assert re.findall(r"(?:Running|Waiting|Scheduled): \d+", popover) == ["Running: 2", "Waiting: 2", "Scheduled: 1"]


def test_a_job_that_only_waits_is_active_but_turns_no_wheel(client: FlaskClient, put: Put) -> None:
    put(Status.QUEUED)
    waiting = badge(client.get("/jobs").text)
    put(Status.RUNNING)
    running = badge(client.get("/jobs").text)
    assert ("icon--spin" in waiting, "icon--spin" in running) == (False, True)


def test_a_failure_is_marked_until_its_owner_opens_the_job(
    client: FlaskClient, client_of: Callable[[User], FlaskClient], admin: User, fail: Callable[[], Job]
) -> None:
    assert not is_marked(client)
    first, second = fail(), fail()
    assert is_marked(client)
    assert "2 new failures" in client.get("/jobs").text
    client_of(admin).get(f"/jobs/{first.id}")
    assert "2 new failures" in client.get("/jobs").text, "only its owner counts"
    client.get(f"/jobs/{first.id}")
    assert is_marked(client)
    assert "badge__mark" not in badge(client.get(f"/jobs/{second.id}").text), "the page that shows it has no mark"
    assert not is_marked(client)


def test_the_list_of_failed_jobs_is_a_look_at_them(client: FlaskClient, fail: Callable[[], Job]) -> None:
    fail()
    client.get("/jobs")
    client.get("/jobs?tab=failed&q=another")
    assert is_marked(client)
    client.get("/jobs?tab=failed")
    assert not is_marked(client)


def test_a_read_notification_takes_the_mark_away(client: FlaskClient, fail: Callable[[], Job]) -> None:
    fail()
    client.post("/notices/read")
    assert not is_marked(client)


def test_a_page_that_is_open_while_its_job_fails_shows_it(
    client: FlaskClient, services: Services, put: Put, user: User
) -> None:
    job = services.jobs.create_job("maintenance", owner=Owner(user_id=user.id), dispatch=False)
    services.jobs.change(job.id, Job.mark_running)
    client.get(f"/jobs/{job.id}")
    services.jobs.change(job.id, lambda running: running.mark_failed(["It broke."]))
    assert is_marked(client)
    client.get(f"/jobs/{job.id}/_live", headers=POLL)
    assert not is_marked(client)


def test_the_top_bar_takes_two_statements_and_writes_nothing(
    client: FlaskClient, services: Services, put: Put, fail: Callable[[], Job]
) -> None:
    put(Status.RUNNING)
    put(Status.QUEUED)
    fail()
    with recorded(services.engine) as sent:
        client.get("/me")
    assert sum("count_waiting" in statement for statement, _ in sent) == 1
    assert sum("FROM notices" in statement for statement, _ in sent) == 1
    assert [statement for statement, _ in sent if statement.startswith("UPDATE notices")] == []
