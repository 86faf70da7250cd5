import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from webapp.db.engine import writing
from webapp.jobs.model.job import Job
from webapp.jobs.store.attachments import AttachmentNotFound, FileLifetime, add_inputs
from webapp.schema import attachments, now
from webapp.services import Services


@pytest.fixture
def job(services: Services, make: Callable[..., Job]) -> Job:
    job = make()
    for name in ("first.csv", "second.csv"):
        file = services.files.receive(io.BytesIO(b"abc"), name)
        with writing(services.engine) as connection:
            add_inputs(connection, job.id, (file,))
    return job


def test_the_files_of_a_job_are_listed_oldest_first(services: Services, job: Job, database: str) -> None:
    found = services.jobs.attachments(job.id)
    assert [(file.name, file.role, file.size) for file in found] == [
        ("first.csv", "input", 3),
        ("second.csv", "input", 3),
    ]
    assert services.jobs.attachment(job.id, found[0].id) == found[0]


def test_a_removed_file_is_not_listed_but_can_be_read(services: Services, job: Job, database: str) -> None:
    first, second = services.jobs.attachments(job.id)
    with writing(services.engine) as connection:
        connection.execute(update(attachments).where(attachments.c.id == first.id).values(deleted_at=now()))
    assert services.jobs.attachments(job.id) == (second,)
    assert services.jobs.attachment(job.id, first.id).deleted_at is not None


def test_a_file_of_another_job_is_not_found(services: Services, job: Job, make: Callable[..., Job]) -> None:
    file = services.jobs.attachments(job.id)[0]
    with pytest.raises(AttachmentNotFound, match=f"There is no file {file.id}."):
        services.jobs.attachment(make().id, file.id)
    with pytest.raises(AttachmentNotFound):
        services.jobs.attachment(job.id, uuid4())


def test_a_file_is_kept_for_its_own_lifetime_or_that_of_its_type() -> None:
    month = timedelta(days=30)
    assert (FileLifetime(month).seconds, FileLifetime(month).own_seconds) == (30 * 86400, None)
    own = FileLifetime(month, timedelta(hours=1, microseconds=1))
    assert (own.seconds, own.own_seconds) == (3601, 3601)


@pytest.mark.parametrize("keep", [timedelta(0), timedelta(days=-1), timedelta.max, 60, "1h"])
def test_a_lifetime_that_is_none_is_refused(keep: Any) -> None:
    with pytest.raises(ValueError, match="keep must be None or a timedelta longer than zero, at most 36500 days, not "):
        FileLifetime(timedelta(days=30), keep)
