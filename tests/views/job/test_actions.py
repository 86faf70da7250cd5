"""The actions on a job: confirmation by GET, effect by POST, refusals with a reason."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from tests.jobs.statements import recorded
from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.services import Services
from webapp.views.job.action_confirmations import VERBS

Put = Callable[..., Job]
Attach = Callable[..., Any]
CLOCK_READS = ("SELECT STRFTIME(", "SELECT CLOCK_TIMESTAMP()", "SELECT CURRENT_TIMESTAMP")
NBSP = "\N{NO-BREAK SPACE}"


def test_get_shows_the_confirmation_of_stop_and_post_stops_the_job(
    client: FlaskClient, put: Put, services: Services, user: User
) -> None:
    job = put(Status.QUEUED)
    confirmation = client.get(f"/jobs/{job.id}/stop").text
    assert f"Stop “Monthly report” #{job.short_id}?" in confirmation
    assert "It has not started yet and will not start." in confirmation
    assert f'action="/jobs/{job.id}/stop"' in confirmation
    assert services.jobs.get(job.id).status is Status.QUEUED
    answer = client.post(f"/jobs/{job.id}/stop")
    assert (answer.status_code, answer.location) == (303, f"/jobs/{job.id}")
    assert services.jobs.get(job.id).status is Status.CANCELLED
    assert services.queries.jobs.timeline(job.id)[-1].actor_id == user.id
    assert "Stopped by you before it started." in client.get(f"/jobs/{job.id}").text


def test_the_confirmation_of_stop_shows_progress_and_unfinished_children(client: FlaskClient, put: Put) -> None:
    job = put(Status.RUNNING, progress=38.0, parts=3, parts_completed=1)
    confirmation = client.get(f"/jobs/{job.id}/stop").text
    assert f"It is 38{NBSP}% done. It has 10{NBSP}s" in confirmation
    assert "Its 2 unfinished child jobs are stopped too." in confirmation


def test_the_confirmation_does_not_promise_to_kill_work_outside_deskjob(client: FlaskClient, put: Put) -> None:
    confirmation = client.get(f"/jobs/{put(Status.RUNNING, record_only=True).id}/stop").text
    assert "Its work runs outside Deskjob, which can only ask it to stop." in confirmation
    assert "killed" not in confirmation


def test_an_action_that_the_status_forbids_is_a_conflict_with_a_reason(client: FlaskClient, put: Put) -> None:
    job = put(Status.COMPLETED)
    confirmation = client.get(f"/jobs/{job.id}/stop").text
    assert "Not possible while the status is “Done”." in confirmation
    for verb in ("stop", "retry"):
        answer = client.post(f"/jobs/{job.id}/{verb}")
        assert answer.status_code == 409
        assert f"Job {job.short_id} is completed and cannot become" in answer.text


def test_retry_runs_the_same_job_again(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.FAILED, attempt=1)
    assert "as attempt 2" in client.get(f"/jobs/{job.id}/retry").text
    assert client.post(f"/jobs/{job.id}/retry").status_code == 303
    assert services.jobs.get(job.id).status is Status.QUEUED


def test_a_retry_waits_for_its_unique_key(client: FlaskClient, put: Put) -> None:
    job = put(Status.FAILED, unique_key="prices")
    holder = put(Status.QUEUED, unique_key="prices")
    answer = client.post(f"/jobs/{job.id}/retry")
    assert answer.status_code == 409
    assert "is not finished yet" in answer.text
    assert f'href="/jobs/{holder.id}">Show the other job</a>' in answer.text


def test_the_confirmation_of_delete_names_the_files(
    client: FlaskClient, put: Put, attach: Attach, services: Services
) -> None:
    job = put(Status.COMPLETED)
    for name in ("a.pdf", "b.pdf"):
        attach(job, name, b"x" * 1_200_000)
    assert "Its 2 files (2.4 MB) are deleted too." in client.get(f"/jobs/{job.id}/delete").text
    answer = client.post(f"/jobs/{job.id}/delete")
    assert (answer.status_code, answer.location) == (303, "/jobs")
    with pytest.raises(JobNotFound):
        services.jobs.get(job.id)


def test_a_child_cannot_be_deleted_alone_and_its_page_says_why(client: FlaskClient, put: Put) -> None:
    root = put(Status.COMPLETED, parts=1, parts_completed=1)
    part = put(Status.COMPLETED, root_id=root.id)
    assert "This is a child job. It is deleted with its parent job." in client.get(f"/jobs/{part.id}").text
    assert client.post(f"/jobs/{part.id}/delete").status_code == 409
    assert client.post(f"/jobs/{part.id}/keep").status_code == 409


def test_a_job_can_be_pinned_and_unpinned(client: FlaskClient, put: Put) -> None:
    job = put(Status.COMPLETED)
    assert "Kept until" in client.get(f"/jobs/{job.id}").text
    assert client.post(f"/jobs/{job.id}/keep").status_code == 303
    page = client.get(f"/jobs/{job.id}").text
    assert "Kept until" not in page
    assert "Kept: it will not be deleted automatically." in page
    assert "Marked “Keep” by you" in page
    assert "It expires: " in client.get(f"/jobs/{job.id}/keep-no-longer").text
    client.post(f"/jobs/{job.id}/keep-no-longer")
    assert "Kept until" in client.get(f"/jobs/{job.id}").text


def test_only_operators_can_run_a_job_next(
    client: FlaskClient, admins: FlaskClient, put: Put, services: Services
) -> None:
    mine, other = put(Status.QUEUED), put(Status.QUEUED, priority=300)
    assert "Run next…" not in client.get(f"/jobs/{mine.id}").text
    assert client.post(f"/jobs/{mine.id}/run-next").status_code == 403
    assert "Run next…" in admins.get(f"/jobs/{mine.id}").text
    assert admins.post(f"/jobs/{mine.id}/run-next").status_code == 303
    assert services.jobs.get(mine.id).priority > other.priority


def test_a_job_of_the_system_is_made_public_by_operators(
    client: FlaskClient, admins: FlaskClient, put: Put, services: Services
) -> None:
    job = put(Status.COMPLETED, owner=Owner())
    assert client.get(f"/jobs/{job.id}").status_code == 404
    assert admins.post(f"/jobs/{job.id}/make-public").status_code == 303
    assert client.get(f"/jobs/{job.id}").status_code == 200
    assert admins.post(f"/jobs/{job.id}/make-private").status_code == 303
    assert not services.jobs.get(job.id).public
    assert admins.post(f"/jobs/{put().id}/make-public").status_code == 409


@pytest.mark.parametrize("verb", [*VERBS, "run-again"])
def test_users_cannot_act_on_jobs_of_others(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put, services: Services, verb: str
) -> None:
    private, public = put(Status.FAILED), put(Status.FAILED, owner=Owner(public=True))
    bob, auditor = client_of(person("bob")), client_of(person("eve", role="auditor"))
    for address in (f"/jobs/{private.id}/{verb}", f"/jobs/{public.id}/{verb}", f"/jobs/{uuid4()}/{verb}"):
        assert bob.get(address).status_code == 404
        assert bob.post(address).status_code == 404
    assert auditor.post(f"/jobs/{private.id}/{verb}").status_code == 403
    for job in (private, public):
        assert services.jobs.get(job.id) == job
    assert "Delete…" not in bob.get(f"/jobs/{public.id}").text
    page = auditor.get(f"/jobs/{private.id}").text
    assert page.count('disabled title="Only the owner and operators can do this."') == 4
    assert page.count('<p class="why">Only the owner and operators can do this.</p>') == 1, "for fingers, too"


def test_a_refusal_names_its_actions(client: FlaskClient, put: Put) -> None:
    page = client.get(f"/jobs/{put(Status.RUNNING, cancel_requested_at=datetime.now(UTC)).id}").text
    assert '<p class="why"><strong>Stop…</strong> The job is already stopping.</p>' in page


def test_with_htmx_the_confirmation_is_a_dialog(client: FlaskClient, put: Put) -> None:
    answer = client.get(f"/jobs/{put().id}/stop", headers={"HX-Request": "true"}).text
    assert answer.lstrip().startswith("<dialog")
    assert "autofocus>Keep waiting" in answer


def test_an_action_asks_the_database_for_the_time_once(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.QUEUED)
    for request in (client.get, client.post):
        with recorded(services.engine) as sent:
            request(f"/jobs/{job.id}/stop")
        assert sum(statement.upper().startswith(CLOCK_READS) for statement, _ in sent) == 1
