"""The list of jobs: polls and searches."""

import html
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.pagination import JobPages
from webapp.jobs.store.attachments import Attachment
from webapp.services import Services
from webapp.views.job_list.visible_rows import VisibleRows

POLL = {"HX-Request": "true", "X-Poll": "1"}
Put = Callable[..., Job]
Attach = Callable[..., Attachment]


@pytest.fixture
def client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


def asking_again(page: str) -> str:
    return html.unescape(re.search(r'hx-get="(/jobs/_live[^"]*)"', page)[1])


def test_new_jobs_are_announced_and_move_no_row(client: FlaskClient, put: Put) -> None:
    first = put(Status.COMPLETED)
    again = asking_again(client.get("/jobs").text)
    second = put(Status.QUEUED)
    put(Status.QUEUED)
    answer = client.get(again, headers=POLL).text
    assert "2 new jobs" in answer
    assert str(first.id) in answer
    assert str(second.id) not in answer
    failed = asking_again(client.get("/jobs?tab=failed").text)
    assert "new job" not in client.get(failed, headers=POLL).text


def test_a_finished_job_stays_on_its_card(client: FlaskClient, put: Put, services: Services, attach: Attach) -> None:
    job = put(Status.RUNNING)
    again = asking_again(client.get("/jobs").text)
    attach(job, "report.pdf")
    services.jobs.change(job.id, Job.mark_completed)
    answer = client.get(again, headers=POLL).text
    assert f'id="run-{job.id}"' in answer
    assert "Just finished" in answer
    assert "report.pdf" in answer
    assert "new job" not in answer


def test_a_deleted_job_keeps_its_row(client: FlaskClient, put: Put, services: Services) -> None:
    job, other = put(Status.COMPLETED), put(Status.COMPLETED)
    again = asking_again(client.get("/jobs").text)
    services.jobs.delete(job.id)
    answer = client.get(again, headers=POLL).text
    assert f'id="job-{other.id}" data-row' in answer
    assert f'id="job-{job.id}"' in answer
    assert "This job was deleted, or you can no longer see it." in answer


def test_a_poll_without_visible_jobs_gets_a_new_page(client: FlaskClient, put: Put) -> None:
    job = put(Status.COMPLETED)
    for shown in ("", "?shown=nonsense"):
        assert str(job.id) in client.get(f"/jobs/_live{shown}", headers=POLL).text


def test_jobs_of_other_users_stay_hidden_even_if_a_poll_names_them(
    client: FlaskClient, put: Put, person: Callable[..., User]
) -> None:
    hidden = put(Status.COMPLETED, title="Secret", owner=Owner(user_id=person("ben").id))
    address = f"/jobs/_live?shown={VisibleRows.of(rows=[hidden.id]).encode()}"
    answer = client.get(address, headers=POLL).text
    assert "Secret" not in answer
    assert "This job was deleted, or you can no longer see it." in answer


def test_a_search_shows_matches_or_says_that_there_are_none(client: FlaskClient, put: Put) -> None:
    job = put(Status.FAILED, errors=({"text": "The file has no column sku."},))
    assert str(job.id) in client.get("/jobs?q=column+SKU").text
    page = client.get("/jobs?q=nothing&tab=failed").text
    assert "No failed jobs match the filters" in page
    assert 'value="nothing"' in page


def test_an_invalid_day_is_reported_and_the_other_filters_stay(client: FlaskClient, put: Put) -> None:
    job = put(Status.COMPLETED)
    page = client.get("/jobs?since=31.12.&q=monthly").text
    assert "“31.12.” is not a date. Use the format 2026-12-31." in page
    assert 'value="31.12."' in page
    assert str(job.id) in page
    assert "so no job can match" in client.get("/jobs?since=2026-02-02&until=2026-01-01").text


def test_a_search_that_stopped_early_offers_to_continue(
    client: FlaskClient, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobPages.find, "__kwdefaults__", {**JobPages.find.__kwdefaults__, "scan_limit": 2})
    job = put(Status.COMPLETED, title="Needle")
    for _ in range(3):
        put(Status.COMPLETED)
    page = client.get("/jobs?q=needle").text
    assert "Only the newest jobs have been searched so far." in page
    older = html.unescape(re.search(r'href="([^"]*before=[^"]*)">Search older jobs', page)[1])
    assert str(job.id) in client.get(older).text
