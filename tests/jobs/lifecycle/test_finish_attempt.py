from collections.abc import Callable
from uuid import UUID

from tests.jobs.conftest import LOCATION, end
from webapp.db.engine import writing
from webapp.jobs.lifecycle import finish_attempt
from webapp.jobs.lifecycle.finish_attempt import Ending
from webapp.jobs.model.job import Job, Status
from webapp.services import Services


def test_an_ending_writes_the_job_the_attempt_and_the_event(
    services: Services, running: Callable[..., Job], database: str
) -> None:
    job = running()
    details = {"error": "It broke.", "traceback": "Traceback …", "peak_memory": 2**33, "cpu_seconds": 0.5}
    with writing(services.engine) as connection:
        ending = Ending(status=Status.FAILED, outcome="failed", **details)
        finish_attempt.end_attempt(connection, job, LOCATION, ending, errors=[{"text": "It broke."}], progress=7.5)
    after = services.jobs.get(job.id)
    assert (after.status, after.progress, after.lease_id) == (Status.FAILED, 7.5, None)
    assert after.errors == ({"text": "It broke."},)
    assert after.finished_at >= after.started_at
    (attempt,) = services.queries.jobs.attempts(job.id)
    assert (attempt.number, attempt.outcome, attempt.worker, attempt.host, attempt.pid) == (1, "failed", "w", "h", 1)
    assert {name: getattr(attempt, name) for name in details} == details
    assert (attempt.started_at, attempt.finished_at >= attempt.started_at) == (job.started_at, True)
    event = services.queries.jobs.timeline(job.id)[-1]
    assert (event.name, event.attempt, event.detail) == ("failed", 1, "It broke.")


def test_a_completed_job_has_a_progress_of_100(services: Services, running: Callable[..., Job], database: str) -> None:
    job = running()
    with writing(services.engine) as connection:
        ending = Ending(status=Status.COMPLETED, outcome="completed")
        finish_attempt.end_attempt(
            connection, job, LOCATION, ending, progress=12.0, message="Ready", done=12.0, total=100.0
        )
    after = services.jobs.get(job.id)
    assert (after.progress, after.message, after.done, after.total) == (100.0, "Ready", 12.0, 100.0)


def test_an_interrupted_attempt_does_not_count_and_a_lost_one_does(
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
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(first.id)] == ["interrupted", "lost"]


def test_a_forced_stop_is_recorded(services: Services, running: Callable[..., Job], database: str) -> None:
    job = running()
    end(services, job, Status.CANCELLED, cancel_kind="forced")
    after = services.jobs.get(job.id)
    assert (after.status, after.cancel_kind) == (Status.CANCELLED, "forced")
