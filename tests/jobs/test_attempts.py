from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, select

from tests.jobs.conftest import HORSE, end
from webapp.database import reading, writing
from webapp.jobs import attempts
from webapp.jobs.attempts import Ending, Fence, LeaseLost
from webapp.jobs.files import StoredFile
from webapp.jobs.job import Job, Status
from webapp.schema import attachments, events, log_lines
from webapp.services import Services


def fence(job: Job) -> Fence:
    return Fence(job_id=job.id, attempt=job.attempt)


def a_file() -> StoredFile:
    return StoredFile(id=uuid4(), name="a.txt", media_type="text/plain", size=1, sha256="0" * 64)


def say(connection: Connection, job: Job) -> None:
    attempts.report(connection, fence(job), {"message": "late"})


def look(connection: Connection, job: Job) -> None:
    attempts.stop_requested(connection, fence(job))


def leave(connection: Connection, job: Job) -> None:
    attempts.add_output(connection, fence(job), a_file(), 60.0)


def log(connection: Connection, job: Job) -> None:
    attempts.report(connection, fence(job), {})
    attempts.add_log(connection, fence(job), [(datetime.now(UTC), "INFO", "late")])


def finish(connection: Connection, job: Job) -> None:
    attempts.end(connection, job, HORSE, Ending(status=Status.COMPLETED, outcome="completed"), message="late")


def fail(connection: Connection, job: Job) -> None:
    attempts.end(connection, job, HORSE, Ending(status=Status.FAILED, outcome="failed", error="late"))


def hand_back(connection: Connection, job: Job) -> None:
    attempts.end(connection, job, HORSE, Ending(status=Status.QUEUED, outcome="interrupted"))


WRITES = (say, look, leave, log, finish, fail, hand_back)


def everything(services: Services) -> tuple[object, ...]:
    tables = (attachments, log_lines, events, attempts.attempt_rows)
    with reading(services.engine) as connection:
        rows = tuple(tuple(connection.execute(select(table)).all()) for table in tables)
    return (services.jobs.newest(10), *rows)


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


def test_the_attempt_that_holds_the_job_may_write(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    for write in WRITES:
        job = running(priority=200)
        with writing(services.engine) as connection:
            write(connection, job)


def test_a_lost_lease_is_not_swallowed_by_careless_handlers() -> None:
    assert not issubclass(LeaseLost, Exception)


def test_a_report_brings_back_the_stop_flag(services: Services, running: Callable[..., Job], database: str) -> None:
    job = running()
    with writing(services.engine) as connection:
        assert attempts.report(connection, fence(job), {"progress": 5.0}) is False
        assert attempts.stop_requested(connection, fence(job)) is False
    services.jobs.change(job.id, lambda old: ask_to_stop(old, services.jobs.now()))
    with writing(services.engine) as connection:
        assert attempts.report(connection, fence(job), {"progress": 6.0}) is True
        assert attempts.stop_requested(connection, fence(job)) is True


def ask_to_stop(job: Job, at: datetime) -> Job:
    return replace(job, cancel_requested_at=at)


def test_a_report_is_a_new_version_and_a_sign_of_life(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    job = running()
    with writing(services.engine) as connection:
        attempts.report(connection, fence(job), {})
    after = services.jobs.get(job.id)
    assert after.version == job.version + 1
    assert after.heartbeat_at >= job.heartbeat_at


def test_an_ending_writes_the_job_the_attempt_and_the_event_together(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    job = running()
    details = {"error": "It broke.", "traceback": "Traceback …", "peak_memory": 2**33, "cpu_seconds": 0.5}
    with writing(services.engine) as connection:
        ending = Ending(status=Status.FAILED, outcome="failed", **details)
        attempts.end(connection, job, HORSE, ending, errors=[{"text": "It broke."}], progress=7.5)
    after = services.jobs.get(job.id)
    assert (after.status, after.progress, after.lease_id) == (Status.FAILED, 7.5, None)
    assert after.errors == ({"text": "It broke."},)
    assert after.finished_at >= after.started_at
    (attempt,) = services.jobs.attempts(job.id)
    assert (attempt.number, attempt.outcome, attempt.worker, attempt.host, attempt.pid) == (1, "failed", "w", "h", 1)
    assert {name: getattr(attempt, name) for name in details} == details
    assert (attempt.started_at, attempt.finished_at >= attempt.started_at) == (job.started_at, True)
    event = services.jobs.timeline(job.id)[-1]
    assert (event.name, event.attempt, event.detail) == ("failed", 1, "It broke.")


def test_a_completed_job_is_at_100_whatever_it_said_last(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    job = running()
    with writing(services.engine) as connection:
        ending = Ending(status=Status.COMPLETED, outcome="completed")
        attempts.end(connection, job, HORSE, ending, progress=12.0, message="Ready", done=12.0, total=100.0)
    after = services.jobs.get(job.id)
    assert (after.progress, after.message, after.done, after.total) == (100.0, "Ready", 12.0, 100.0)


def test_an_interrupted_attempt_gives_its_try_back_and_a_lost_one_does_not(
    services: Services, running: Callable[..., Job], lease: UUID, database: str
) -> None:
    first = running(max_attempts=2)
    end(services, first, Status.QUEUED, outcome="interrupted")
    handed_back = services.jobs.get(first.id)
    assert (handed_back.status, handed_back.max_attempts, handed_back.finished_at) == (Status.QUEUED, 3, None)
    second = services.claims.claim("default", lease, fresh=True)
    assert second is not None
    end(services, second, Status.QUEUED, outcome="lost")
    assert services.jobs.get(first.id).max_attempts == 3
    assert [attempt.outcome for attempt in services.jobs.attempts(first.id)] == ["interrupted", "lost"]


def test_a_forced_stop_says_so(services: Services, running: Callable[..., Job], database: str) -> None:
    job = running()
    end(services, job, Status.CANCELLED, cancel_kind="forced")
    after = services.jobs.get(job.id)
    assert (after.status, after.cancel_kind) == (Status.CANCELLED, "forced")


def test_a_file_of_a_running_attempt_is_an_output_with_its_last_day(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    job, file = running(), a_file()
    with writing(services.engine) as connection:
        attempts.add_output(connection, fence(job), file, 3600.0)
    (output,) = services.jobs.attachments(job.id)
    assert (output.id, output.role, output.attempt, output.sha256) == (file.id, "output", 1, file.sha256)
    assert 3590 < (output.expires_at - output.created_at).total_seconds() <= 3601
