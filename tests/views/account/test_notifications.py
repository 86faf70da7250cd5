"""The notifications page, the bell and toasts."""

import html
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.shown_results import LINK_TYPE
from webapp.services import Services

Put = Callable[..., Job]
POLL = {"HX-Request": "true", "X-Poll": "1"}


@pytest.fixture
def client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.fixture
def ended(services: Services, user: User) -> Callable[..., Job]:
    """Make a job of ana and end it."""

    def ended(step: Callable[[Job], Job] = Job.mark_completed, **choices: object) -> Job:
        job = services.jobs.create_job(
            "maintenance", owner=Owner(user_id=user.id), dispatch=False, **{"title": "Monthly report", **choices}
        )
        services.jobs.change(job.id, Job.mark_running)
        return services.jobs.change(job.id, step)

    return ended


def words(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def again(page: str) -> str:
    return html.unescape(re.search(r'hx-get="(/jobs/_live[^"]*)"', page)[1])


def test_an_empty_page_explains_notifications(client: FlaskClient) -> None:
    page = client.get("/notices").text
    assert "No notifications yet" in page
    assert "bell__count" not in page


def test_a_notification_links_to_the_job_and_its_result(
    client: FlaskClient, ended: Callable[..., Job], attach: Callable[..., object]
) -> None:
    job = ended()
    attach(job, "Dashboard.link.json", media_type=LINK_TYPE)  # for the page of the job only
    attach(job, "report.pdf")
    page = client.get("/notices").text
    assert "Monthly report is done." in page
    assert f'href="/jobs/{job.id}"' in page
    assert "report.pdf" in page
    assert '<span class="bell__count">1' in page


def test_unread_ones_come_first_and_can_be_read_one_by_one_or_all(
    client: FlaskClient, ended: Callable[..., Job]
) -> None:
    for title in ("First", "Second", "Third"):
        ended(lambda job: job.mark_failed(["It broke."]), title=title)
    number = re.search(r'action="/notices/(\d+)/read"', client.get("/notices").text)[1]
    assert client.post(f"/notices/{number}/read").location == "/notices"
    page = words(client.get("/notices").text)
    assert page.index("Second failed.") < page.index("First failed.") < page.index("Third failed.")
    client.post("/notices/read")
    page = client.get("/notices").text
    assert "Mark all as read" not in page
    assert "bell__count" not in page


def test_notifications_of_other_users_are_hidden(
    client: FlaskClient, ended: Callable[..., Job], services: Services, user: User, person: Callable[..., User],
    client_of: Callable[[User], FlaskClient],
) -> None:  # fmt: skip
    ended()
    stranger = client_of(person("ben", role="admin"))
    assert "Monthly report" not in stranger.get("/notices").text
    [notice] = services.notifications.unread(user.id)
    stranger.post(f"/notices/{notice.id}/read")
    stranger.post("/notices/read")
    assert services.notifications.state(user.id).unread == 1


def test_looking_changes_nothing(client: FlaskClient, ended: Callable[..., Job]) -> None:
    ended()
    client.get("/notices")
    assert "bell__count" in client.get("/notices").text


def test_a_job_that_ends_while_the_page_is_open_gets_one_toast(client: FlaskClient, ended: Callable[..., Job]) -> None:
    ended(title="Before")
    page = client.get("/jobs").text
    assert "data-toast" not in page
    ended(title="Now")
    answer = client.get(again(page), headers=POLL).text
    assert "Now is done." in words(answer)
    assert "Before is done." not in words(answer)
    assert "data-toast" not in client.get(again(answer), headers=POLL).text


def test_the_last_of_several_jobs_gets_one_toast_for_all(
    client: FlaskClient, services: Services, user: User, ended: Callable[..., Job]
) -> None:
    own = {"owner": Owner(user_id=user.id), "dispatch": False}
    running = services.jobs.change(services.jobs.create_job("maintenance", **own).id, Job.mark_running)
    page = client.get("/jobs").text
    ended()
    services.jobs.change(running.id, Job.mark_completed)
    assert "All of your jobs are done." in words(client.get(again(page), headers=POLL).text)


def test_the_badge_the_title_and_the_list_count_what_is_active(client: FlaskClient, put: Put) -> None:
    assert "<title>Jobs · Deskjob</title>" in client.get("/jobs").text
    assert "None of your jobs are active." in client.get("/notices").text
    put(Status.RUNNING, progress=42.0, message="84 of 200")
    put(Status.RUNNING, owner=Owner(public=True))
    page = client.get("/jobs").text
    assert "<title>(1) Jobs · Deskjob</title>" in page
    assert '<span class="badge__count">1</span>' in page
    assert "84 of 200" in client.get("/notices").text


def test_many_notifications_that_say_the_same_are_one_line(
    client: FlaskClient, ended: Callable[..., Job], services: Services, user: User
) -> None:
    for number in range(5):
        ended(lambda job: job.mark_failed(["It broke."]), title=f"Report {number}")
    ended(title="Done report")
    page = client.get("/notices").text
    assert "5 jobs of the type “Maintenance” failed." in page
    assert 'href="/jobs?tab=failed&amp;whose=mine&amp;type=maintenance"' in page
    assert "Report 3" not in page
    assert "Done report is done." in page
    client.post("/notices/read", data={"type": "maintenance", "status": "failed"})
    assert [notice.title for notice in services.notifications.unread(user.id)] == ["Done report"]
    assert "Report 3 failed." in client.get("/notices").text  # among those that are read
    client.post("/notices/read", data={"type": "maintenance", "status": "nonsense"})
    assert services.notifications.unread(user.id) == ()


def test_few_notifications_are_listed_one_by_one(client: FlaskClient, ended: Callable[..., Job]) -> None:
    for number in range(3):
        ended(lambda job: job.mark_failed(["It broke."]), title=f"Report {number}")
    assert "Report 2 failed." in client.get("/notices").text
