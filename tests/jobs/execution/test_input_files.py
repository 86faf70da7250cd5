import io
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from tests.jobs.conftest import run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import Upload, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Status
from webapp.schema import attachments, now
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


class Sheet(BaseModel):
    file: Upload
    other: Upload | None = None


def test_a_handler_can_read_the_uploaded_files(services: Services, lease: UUID) -> None:
    seen = {}

    def handler(job: JobContext, payload: Sheet) -> None:
        for field, file in job.inputs.items():
            with file.open() as source:
                seen[field] = (file.name, file.size, source.read())

    services.registry.add(job_type("tested", title="Tested")(handler))
    files = {
        "file": services.files.receive(io.BytesIO(b"same"), "first.csv"),
        "other": services.files.receive(io.BytesIO(b"same"), "second.csv"),
    }
    services.jobs.create_job("tested", {}, files=files)
    assert run_once(services, "default", lease).status is Status.COMPLETED
    assert seen == {"file": ("first.csv", 4, b"same"), "other": ("second.csv", 4, b"same")}


def test_a_deleted_input_file_fails_the_job_with_a_message(services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Sheet) -> None:
        assert job.inputs.get("other") is None
        job.inputs["file"].open()

    services.registry.add(job_type("tested", title="Tested")(handler))
    files = {"file": services.files.receive(io.BytesIO(b"1"), "first.csv")}
    job = services.jobs.create_job("tested", {}, files=files)
    with writing(services.engine) as connection:
        connection.execute(update(attachments).where(attachments.c.job_id == job.id).values(deleted_at=now()))
    ended = run_once(services, "default", lease)
    assert ended.status is Status.FAILED
    assert ended.errors[-1]["text"] == ("The input file first.csv was deleted. Run the job again with a new file.")


def test_a_field_that_the_payload_does_not_have_is_a_key_error(services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Sheet) -> None:
        with pytest.raises(KeyError):
            job.inputs["no_such_field"]

    services.registry.add(job_type("tested", title="Tested")(handler))
    services.jobs.create_job("tested", {}, files={"file": services.files.receive(io.BytesIO(b"1"), "first.csv")})
    assert run_once(services, "default", lease).status is Status.COMPLETED
