import re
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from pydantic import BaseModel, SecretStr

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.leases import Holder
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

HOLDER = Holder(host="h", boot_id="b", worker="w", pid=1)


class Door(BaseModel):
    """A payload with a secret that is required."""

    name: str
    code: SecretStr


@job_type("door", title="Open a door")
def open_door(job: JobContext, payload: Door) -> None:
    """Do nothing."""


def form(client: FlaskClient, job: Job, **changes: Any) -> dict[str, Any]:
    """Return what the form of a job sends, with changes."""
    assert "If a worker starts it before you save, nothing is changed." in client.get(f"/jobs/{job.id}/edit").text
    return {"job.version": job.version, "format": "csv", **changes}


def waiting(services: Services, user: Any, **values: Any) -> Job:
    return services.jobs.create_user_job("job_history_export", {"format": "csv"}, user.id, **values)


def test_the_owner_edits_input_and_tags_of_a_waiting_job(client: FlaskClient, services: Services, user: Any) -> None:
    job = waiting(services, user)
    assert f'href="/jobs/{job.id}/edit"' in client.get(f"/jobs/{job.id}").text
    answer = client.post(f"/jobs/{job.id}/edit", data=form(client, job, format="jsonl", **{"job.tags": "Urgent"}))
    assert answer.status_code == 303
    edited = services.jobs.get(job.id)
    assert (edited.payload["format"], edited.tags, edited.status) == ("jsonl", ("urgent",), Status.QUEUED)
    assert "Edited by you" in client.get(f"/jobs/{job.id}").text


def test_a_mistake_shows_the_form_again_and_changes_nothing(client: FlaskClient, services: Services, user: Any) -> None:
    job = waiting(services, user)
    bad = form(client, job, format="stone", **{"job.at": "tomorrow", "job.tags": "keep this"})
    answer = client.post(f"/jobs/{job.id}/edit", data=bad)
    assert answer.status_code == 422
    for text in ("Nothing was saved", "This must be a date and a time.", "keep this"):
        assert text in answer.text
    assert services.jobs.get(job.id) == job


def test_a_user_cannot_change_queue_and_priority(client: FlaskClient, services: Services, user: Any) -> None:
    job = waiting(services, user)
    assert 'name="job.priority"' not in client.get(f"/jobs/{job.id}/edit").text
    assert client.post(f"/jobs/{job.id}/edit", data=form(client, job, **{"job.priority": "900"})).status_code == 403
    assert services.jobs.get(job.id) == job


def test_a_form_without_input_says_why_it_cannot_change(client: FlaskClient, services: Services, user: Any) -> None:
    root = waiting(services, user, run_at=datetime.now(UTC) + timedelta(days=1))
    child = services.jobs.create_child_job(root.id, "job_history_export", name="a")
    page = client.get(f"/jobs/{child.id}/edit").text
    assert f"Job {child.short_id} is a child job, so its input comes from its parent job." in page
    assert 'name="format"' not in page


def test_a_change_of_somebody_else_is_not_overwritten(client: FlaskClient, services: Services, user: Any) -> None:
    job = waiting(services, user)
    late = form(client, job, **{"job.tags": "mine"})
    services.admin_jobs.set_tags(job.id, ["theirs"])
    answer = client.post(f"/jobs/{job.id}/edit", data=late)
    assert (answer.status_code, "Somebody else has changed this job meanwhile." in answer.text) == (409, True)
    assert services.jobs.get(job.id).tags == ("theirs",)


def test_a_job_that_has_started_or_ended_cannot_be_edited(client: FlaskClient, services: Services, user: Any) -> None:
    job = waiting(services, user)
    late = form(client, job)
    services.claims.claim(job.queue, services.leases.open(HOLDER, job.queue), fresh=True)
    assert client.get(f"/jobs/{job.id}/edit").status_code == 409
    answer = client.post(f"/jobs/{job.id}/edit", data=late)
    assert (answer.status_code, "Not possible while the status is “Running”." in answer.text) == (409, True)


def test_a_secret_is_not_shown_and_stays_if_its_field_is_empty(
    client: FlaskClient, services: Services, user: Any
) -> None:
    services.registry.add(open_door)
    job = services.jobs.create_user_job("door", {"name": "cellar", "code": "k3ller"}, user.id)
    page = client.get(f"/jobs/{job.id}/edit").text
    assert "Leave this empty to keep the stored value." in page
    [field] = re.findall(r'<input[^>]* name="code"[^>]*>', page)
    assert ("required" in field, "k3ller" in page) == (False, False)
    values = {"job.version": job.version, "name": "attic", "code": ""}
    assert client.post(f"/jobs/{job.id}/edit", data=values).status_code == 303
    edited = services.jobs.get(job.id).payload
    assert (edited["name"], edited["code"]) == ("attic", job.payload["code"])
