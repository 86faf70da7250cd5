"""What can be done with a job from its page: asked first, done by POST, refused with a sentence."""

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


def test_stopping_is_asked_with_what_happens_and_done_by_post(
    client: FlaskClient, put: Put, services: Services, user: User
) -> None:
    job = put(Status.QUEUED)
    asked = client.get(f"/jobs/{job.id}/stop").text
    assert f"Stop “Monthly report” #{job.short_id}?" in asked
    assert "It has not started yet and will not start." in asked
    assert f'action="/jobs/{job.id}/stop"' in asked
    assert services.jobs.get(job.id).status is Status.QUEUED
    answer = client.post(f"/jobs/{job.id}/stop")
    assert (answer.status_code, answer.location) == (303, f"/jobs/{job.id}")
    assert services.jobs.get(job.id).status is Status.CANCELLED
    assert services.queries.jobs.timeline(job.id)[-1].actor_id == user.id
    assert "Stopped by you before it started." in client.get(f"/jobs/{job.id}").text


def test_stopping_a_running_job_says_how_far_it_is_and_how_many_parts_go_with_it(client: FlaskClient, put: Put) -> None:
    job = put(Status.RUNNING, progress=38.0, parts=3, parts_completed=1)
    asked = client.get(f"/jobs/{job.id}/stop").text
    assert f"It is 38{NBSP}% done. It has 10{NBSP}s" in asked
    assert "Its 2 unfinished child jobs are stopped too." in asked


def test_no_force_is_promised_for_work_that_is_done_elsewhere(client: FlaskClient, put: Put) -> None:
    asked = client.get(f"/jobs/{put(Status.RUNNING, record_only=True).id}/stop").text
    assert "Its work runs outside Deskjob, which can only ask it to stop." in asked
    assert "killed" not in asked


def test_what_comes_too_late_is_a_conflict_that_says_why(client: FlaskClient, put: Put) -> None:
    job = put(Status.COMPLETED)
    asked = client.get(f"/jobs/{job.id}/stop").text
    assert "Not possible while the status is “Done”." in asked
    for verb in ("stop", "retry"):
        answer = client.post(f"/jobs/{job.id}/{verb}")
        assert answer.status_code == 409
        assert f"Job {job.short_id} is completed and cannot become" in answer.text


def test_trying_again_runs_the_same_job(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.FAILED, attempt=1)
    assert "as attempt 2" in client.get(f"/jobs/{job.id}/retry").text
    assert client.post(f"/jobs/{job.id}/retry").status_code == 303
    assert services.jobs.get(job.id).status is Status.QUEUED


def test_a_retry_waits_for_its_unique_key(client: FlaskClient, put: Put) -> None:
    job = put(Status.FAILED, unique_key="prices")
    put(Status.QUEUED, unique_key="prices")
    answer = client.post(f"/jobs/{job.id}/retry")
    assert answer.status_code == 409
    assert "is not finished yet" in answer.text


def test_deleting_names_the_files_that_go(client: FlaskClient, put: Put, attach: Attach, services: Services) -> None:
    job = put(Status.COMPLETED)
    for name in ("a.pdf", "b.pdf"):
        attach(job, name, b"x" * 1_200_000)
    assert "Its 2 files (2.4 MB) are deleted too." in client.get(f"/jobs/{job.id}/delete").text
    answer = client.post(f"/jobs/{job.id}/delete")
    assert (answer.status_code, answer.location) == (303, "/jobs")
    with pytest.raises(JobNotFound):
        services.jobs.get(job.id)


def test_a_part_is_not_deleted_alone_and_its_page_says_why(client: FlaskClient, put: Put) -> None:
    root = put(Status.COMPLETED, parts=1, parts_completed=1)
    part = put(Status.COMPLETED, root_id=root.id)
    assert "This is a child job. It is deleted with its parent job." in client.get(f"/jobs/{part.id}").text
    assert client.post(f"/jobs/{part.id}/delete").status_code == 409
    assert client.post(f"/jobs/{part.id}/keep").status_code == 409


def test_a_job_can_be_kept_and_kept_no_longer(client: FlaskClient, put: Put) -> None:
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


def test_only_operators_steer(client: FlaskClient, admins: FlaskClient, put: Put, services: Services) -> None:
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
def test_nobody_acts_on_what_is_not_theirs(
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


def test_a_reason_names_the_actions_that_it_is_for(client: FlaskClient, put: Put) -> None:
    page = client.get(f"/jobs/{put(Status.RUNNING, cancel_requested_at=datetime.now(UTC)).id}").text
    assert '<p class="why"><strong>Stop…</strong> The job is already stopping.</p>' in page


def test_with_htmx_the_question_is_a_dialog(client: FlaskClient, put: Put) -> None:
    answer = client.get(f"/jobs/{put().id}/stop", headers={"HX-Request": "true"}).text
    assert answer.lstrip().startswith("<dialog")
    assert "autofocus>Keep waiting" in answer


def test_an_action_asks_the_database_for_the_time_once(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.QUEUED)
    for request in (client.get, client.post):
        with recorded(services.engine) as sent:
            request(f"/jobs/{job.id}/stop")
        assert sum(statement.upper().startswith(CLOCK_READS) for statement, _ in sent) == 1
