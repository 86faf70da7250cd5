"""Run again: the form filled with the values of an earlier job."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, SecretStr

from tests.views.forms.form_filling import sent
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

Attach = tuple[BytesIO, str]


class Import(BaseModel):
    name: str = Field(min_length=3)
    key: SecretStr
    table: Upload


class Nickname(BaseModel):
    name: str


@job_type("guarded_import", title="Import a table", group="Samples")
def guarded_import(job: Any, payload: Import) -> None:
    """Read a table."""


@pytest.fixture
def old(services: Services, client: FlaskClient) -> Job:
    services.registry.add(guarded_import)
    fields = {"name": "May", "key": "hush", "table": (BytesIO(b"a,b\n1,2\n"), "may.csv"), "job.title": "All of May"}
    answer = client.post("/jobs/new/guarded_import", data=fields, content_type="multipart/form-data")
    return services.jobs.get(UUID(answer.location.rpartition("/")[2]))


def form(client: FlaskClient, job: Job) -> dict[str, Any]:
    page = client.get(f"/jobs/{job.id}/run-again").text
    return sent(re.sub(r"(?s).*(<form class=\"card.*?</form>).*", r"\1", page)).to_dict()


def again(client: FlaskClient, job: Job, fields: dict[str, Any]) -> Any:
    return client.post(f"/jobs/{job.id}/run-again", data=fields, content_type="multipart/form-data")


def content(services: Services, job: Job) -> list[tuple[str, bytes]]:
    found = []
    for file in services.jobs.attachments(job.id):
        with services.files.open(file.id) as stream:
            found.append((file.name, stream.read()))
    return found


def test_the_form_shows_the_old_values_without_secrets(client: FlaskClient, old: Job) -> None:
    page = client.get(f"/jobs/{old.id}/run-again").text
    assert 'value="May"' in page
    assert "may.csv (8 bytes) is already uploaded." in page
    assert 'value="All of May"' in page
    assert "secrets are not copied" in page
    assert "$secret" not in page
    assert "hush" not in page


def test_the_new_job_and_the_old_job_link_to_each_other(client: FlaskClient, old: Job, services: Services) -> None:
    fields = form(client, old)
    refused = again(client, old, fields)
    assert refused.status_code == 422
    answer = again(client, old, {**fields, "name": "June", "key": "hush again"})
    assert answer.status_code == 303
    new = services.jobs.get(UUID(answer.location.rpartition("/")[2]))
    assert (new.again_of, new.payload["name"], new.title, new.status) == (old.id, "June", "All of May", Status.QUEUED)
    assert content(services, new) == [("may.csv", b"a,b\n1,2\n")]
    assert f"/jobs/{new.id}" in client.get(f"/jobs/{old.id}").text
    assert f"/jobs/{old.id}" in client.get(f"/jobs/{new.id}").text


def test_a_computed_title_is_computed_again(client: FlaskClient, services: Services) -> None:
    @job_type("named_import", title=lambda payload: f"Import of {payload.name}")
    def named_import(job: Any, payload: Nickname) -> None:
        """Do nothing."""

    services.registry.add(named_import)
    started = client.post("/jobs/new/named_import", data={"name": "May"})
    first = services.jobs.get(UUID(started.location.rpartition("/")[2]))
    page = client.get(f"/jobs/{first.id}/run-again").text
    assert 'name="job.title" value=""' in page
    assert "Leave empty for a title that is made from your input." in page
    assert "Run again: Named import" in page
    new = services.jobs.get(UUID(again(client, first, {"name": "June"}).location.rpartition("/")[2]))
    assert (first.title, new.title) == ("Import of May", "Import of June")


def test_a_new_file_replaces_the_old_one(client: FlaskClient, old: Job, services: Services) -> None:
    fields = {**form(client, old), "key": "hush", "table": (BytesIO(b"new"), "june.csv")}
    new = services.jobs.get(UUID(again(client, old, fields).location.rpartition("/")[2]))
    assert content(services, new) == [("june.csv", b"new")]


def test_a_deleted_file_must_be_uploaded_again(client: FlaskClient, old: Job, services: Services) -> None:
    services.files.remove(services.jobs.attachments(old.id)[0].id)
    assert again(client, old, {**form(client, old), "key": "hush"}).status_code == 422


def test_a_job_of_a_type_that_is_not_installed_cannot_run_again(client: FlaskClient, put: Callable[..., Job]) -> None:
    job = put(Status.COMPLETED)
    answer = client.get(f"/jobs/{job.id}/run-again")
    assert answer.status_code == 409
    assert "no longer installed" in answer.text
