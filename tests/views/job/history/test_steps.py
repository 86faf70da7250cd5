"""The steps on the page of a job, and running it again from one of them."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.views.page.conftest import add_step
from webapp.jobs.model.job import Job, Status
from webapp.services import Services


@pytest.fixture
def job(services: Services, put: Callable[..., Job]) -> Job:
    job = put(Status.FAILED, type="job_history_export", payload={"format": "csv"}, attempt=1)
    add_step(services, job, "fetch <orders>", 1, {"rows": [1, "<b>"]})
    return add_step(services, job, "check", 2)


def test_the_page_shows_the_steps_with_their_results(client: FlaskClient, job: Job) -> None:
    page = client.get(f"/jobs/{job.id}").text
    assert "fetch &lt;orders&gt;" in page
    assert "&#34;&lt;b&gt;&#34;" in page
    assert page.count("Run again from here") == 2


def test_a_job_without_steps_shows_none(client: FlaskClient, put: Callable[..., Job]) -> None:
    page = client.get(f"/jobs/{put(Status.FAILED, attempt=1).id}").text
    assert 'id="steps" aria-labelledby="steps-title" hidden' in page


def test_a_running_job_is_not_run_again_from_a_step(
    client: FlaskClient, services: Services, put: Callable[..., Job]
) -> None:
    job = add_step(services, put(Status.RUNNING, type="job_history_export", payload={"format": "csv"}, attempt=1))
    assert "Run again from here" not in client.get(f"/jobs/{job.id}").text


def test_running_again_says_what_is_kept(client: FlaskClient, job: Job) -> None:
    question = client.get(f"/jobs/{job.id}/run-from-step?step=check").text
    assert "It keeps the result of the first step and runs the others again." in question
    assert (
        "It runs all steps again."
        in client.get(f"/jobs/{job.id}/run-from-step", query_string={"step": "fetch <orders>"}).text
    )


def test_the_new_job_has_the_steps_before(client: FlaskClient, services: Services, job: Job) -> None:
    answer = client.post(f"/jobs/{job.id}/run-from-step", data={"step": "check"})
    [new, _old] = services.queries.all_jobs.newest(2)
    assert (answer.status_code, answer.location) == (303, f"/jobs/{new.id}")
    assert [step.name for step in services.queries.steps.of(new.id)] == ["fetch <orders>"]
    assert "taken over from the job before" in client.get(f"/jobs/{new.id}").text


def test_an_unknown_step_is_refused(client: FlaskClient, services: Services, job: Job) -> None:
    assert "This job has no such step." in client.get(f"/jobs/{job.id}/run-from-step?step=store").text
    answer = client.post(f"/jobs/{job.id}/run-from-step", data={"step": "store"})
    assert answer.status_code == 422
    assert "The job has no step “store”" in answer.text
    assert len(services.queries.all_jobs.newest(5)) == 1
