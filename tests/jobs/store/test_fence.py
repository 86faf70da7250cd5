from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select

from tests.jobs.conftest import LOCATION, end
from webapp.db.engine import reading, writing
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import FileLifetime
from webapp.jobs.store.fence import Fence, LeaseLost, add_log_lines, add_output, report, stop_requested
from webapp.jobs.store.file_store import StoredFile
from webapp.schema import attachments, events, log_lines
from webapp.services import Services

pytestmark = pytest.mark.dialect


def fence(job: Job) -> Fence:
    return Fence(job_id=job.id, attempt=job.attempt)


def a_file() -> StoredFile:
    return StoredFile(id=uuid4(), name="a.txt", media_type="text/plain", size=1, sha256="0" * 64)


def write_message(connection: Connection, job: Job) -> None:
    report(connection, fence(job), {"message": "late"})


def read_stop_flag(connection: Connection, job: Job) -> None:
    stop_requested(connection, fence(job))


def add_file(connection: Connection, job: Job) -> None:
    add_output(connection, fence(job), a_file(), FileLifetime(timedelta(seconds=60)))


def write_log(connection: Connection, job: Job) -> None:
    report(connection, fence(job), {})
    add_log_lines(connection, fence(job), [(datetime.now(UTC), "INFO", "late")])


def finish(connection: Connection, job: Job) -> None:
    finish_attempt.end_attempt(
        connection, job, LOCATION, Ending(status=Status.COMPLETED, outcome="completed"), message="late"
    )


def fail(connection: Connection, job: Job) -> None:
    finish_attempt.end_attempt(connection, job, LOCATION, Ending(status=Status.FAILED, outcome="failed", error="late"))


def hand_back(connection: Connection, job: Job) -> None:
    finish_attempt.end_attempt(connection, job, LOCATION, Ending(status=Status.QUEUED, outcome="interrupted"))


WRITES = (write_message, read_stop_flag, add_file, write_log, finish, fail, hand_back)


def everything(services: Services) -> tuple[object, ...]:
    tables = (attachments, log_lines, events, finish_attempt.attempt_rows)
    with reading(services.engine) as connection:
        rows = tuple(tuple(connection.execute(select(table)).all()) for table in tables)
    return (services.queries.all_jobs.newest(10), *rows)


def test_a_superseded_attempt_changes_nothing(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    old = running(max_attempts=2)
    end(services, old, Status.QUEUED, outcome="lost")
    new = services.claims.claim("default", lease, fresh=True)
    assert new is not None
    assert (new.id, new.attempt) == (old.id, 2)
    before = everything(services)
    for write in WRITES:
        with pytest.raises(LeaseLost), writing(services.engine) as connection:
            write(connection, old)
        assert everything(services) == before, write


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.QUEUED])
def test_an_ended_attempt_changes_nothing(services: Services, running: Callable[..., Job], status: Status) -> None:
    job = running()
    end(services, job, status)
    before = everything(services)
    for write in WRITES:
        with pytest.raises(LeaseLost), writing(services.engine) as connection:
            write(connection, job)
        assert everything(services) == before, write


def test_the_current_attempt_can_write(services: Services, running: Callable[..., Job], database: str) -> None:
    for write in WRITES:
        job = running(priority=200)
        with writing(services.engine) as connection:
            write(connection, job)


def test_except_exception_does_not_catch_a_lost_lease() -> None:
    assert not issubclass(LeaseLost, Exception)


def test_a_report_returns_the_stop_flag(services: Services, running: Callable[..., Job], database: str) -> None:
    job = running()
    with writing(services.engine) as connection:
        assert report(connection, fence(job), {"progress": 5.0}) is False
        assert stop_requested(connection, fence(job)) is False
    services.jobs.change(job.id, lambda old: ask_to_stop(old, services.queries.jobs.now()))
    with writing(services.engine) as connection:
        assert report(connection, fence(job), {"progress": 6.0}) is True
        assert stop_requested(connection, fence(job)) is True


def ask_to_stop(job: Job, at: datetime) -> Job:
    return replace(job, cancel_requested_at=at)


def test_a_report_increases_the_version_and_the_heartbeat(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    job = running()
    with writing(services.engine) as connection:
        report(connection, fence(job), {})
    after = services.jobs.get(job.id)
    assert after.version == job.version + 1
    assert after.heartbeat_at >= job.heartbeat_at


def test_a_file_of_a_running_attempt_is_an_output_that_expires(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    job, file = running(), a_file()
    with writing(services.engine) as connection:
        add_output(connection, fence(job), file, FileLifetime(timedelta(hours=1)))
    (output,) = services.jobs.attachments(job.id)
    assert (output.id, output.role, output.attempt, output.sha256) == (file.id, "output", 1, file.sha256)
    assert 3590 < (output.expires_at - output.created_at).total_seconds() <= 3601
