import io
from collections.abc import Callable
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import update

from tests.jobs.conftest import run_once
from webapp.db.engine import writing
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status
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


class Letter(BaseModel):
    text: Upload


class Mailing(BaseModel):
    letter: Letter
    enclosures: list[Upload] = []


def mailing(services: Services, handler: Callable[[JobContext, Mailing], None]) -> Job:
    services.registry.add(job_type("mailing", title="Mailing")(handler))
    enclosures = [services.files.receive(io.BytesIO(text), "same.txt") for text in (b"one", b"two")]
    files = {"letter.text": services.files.receive(io.BytesIO(b"Dear"), "letter.txt"), "enclosures": enclosures}
    return services.jobs.create_job("mailing", {}, files=files)


def test_a_handler_gets_the_files_of_a_list_and_of_a_nested_model(services: Services, lease: UUID) -> None:
    seen: list[tuple[str, bytes]] = []

    def handler(job: JobContext, payload: Mailing) -> None:
        assert [upload.name for upload in payload.enclosures] == ["same.txt", "same.txt"]
        for file in [job.inputs["letter.text"], *job.inputs.getlist("letter.text"), *job.inputs.getlist("enclosures")]:
            with file.open() as source:
                seen.append((file.name, source.read()))
        assert job.inputs["enclosures"].size == 3
        with pytest.raises(KeyError):
            job.inputs.getlist("no_such_field")

    mailing(services, handler)
    assert run_once(services, "default", lease).status is Status.COMPLETED
    letter = ("letter.txt", b"Dear")
    assert seen == [letter, letter, ("same.txt", b"one"), ("same.txt", b"two")]


def test_a_deleted_file_of_a_list_fails_the_job_with_a_message(services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Mailing) -> None:
        assert job.inputs["enclosures"]
        job.inputs.getlist("enclosures")

    job = mailing(services, handler)
    gone = [file for file in services.jobs.attachments(job.id) if file.name == "same.txt"][1]
    with writing(services.engine) as connection:
        connection.execute(update(attachments).where(attachments.c.id == gone.id).values(deleted_at=now()))
    ended = run_once(services, "default", lease)
    assert ended.errors[-1]["text"] == "The input file same.txt was deleted. Run the job again with a new file."


def test_a_field_that_the_payload_does_not_have_is_a_key_error(services: Services, lease: UUID) -> None:
    def handler(job: JobContext, payload: Sheet) -> None:
        with pytest.raises(KeyError):
            job.inputs["no_such_field"]

    services.registry.add(job_type("tested", title="Tested")(handler))
    services.jobs.create_job("tested", {}, files={"file": services.files.receive(io.BytesIO(b"1"), "first.csv")})
    assert run_once(services, "default", lease).status is Status.COMPLETED
