from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.jobs.conftest import Nothing, run_once
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.policies import RetryPolicy
from webapp.schema import jobs, now
from webapp.services import Services

Run = Callable[..., Job]
pytestmark = pytest.mark.usefixtures("database")


def fetch(start: int, count: int) -> Sequence[int]:
    return range(start, start + count)


def test_every_item_is_processed_in_order_and_progress_counts_the_whole(run: Run) -> None:
    seen: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        seen.extend(job.batches(fetch, 250))

    job = run(handler)
    assert seen == list(range(250))
    assert (job.status, job.done, job.total, job.state) == (Status.COMPLETED, 250, 250, {"items_done": 250})


def test_a_retry_continues_after_the_last_finished_item(services: Services, lease: UUID) -> None:
    seen: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        for item in job.batches(fetch, 30, size=10):
            if item == 17 and job.attempt == 1:
                job.save_state()
                raise ValueError("crash")
            seen.append(item)

    services.registry.add(job_type("counting", title="Counting")(handler))
    job = services.jobs.create_job("counting")
    assert run_once(services, "default", lease).status is Status.FAILED
    services.jobs.retry(job.id)
    assert run_once(services, "default", lease).status is Status.COMPLETED
    assert seen == list(range(30))


def test_a_job_short_of_memory_is_handed_back_and_continues_in_a_fresh_work_horse(
    services: Services, lease: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        seen.extend(job.batches(fetch, 3, size=10))

    services.registry.add(job_type("counting", title="Counting")(handler))
    monkeypatch.setattr(services.executor, "_memory", 1)
    job = services.jobs.create_job("counting")
    runs = [run_once(services, "default", lease) for _ in range(3)]
    assert [job.status for job in runs] == [Status.QUEUED, Status.QUEUED, Status.COMPLETED]
    assert seen == [0, 1, 2]
    assert [attempt.outcome for attempt in services.queries.jobs.attempts(job.id)] == [
        "continued",
        "continued",
        "completed",
    ]


def test_a_slice_is_no_attempt(services: Services, lease: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def can_retry(attempt: int, error: BaseException) -> bool:
        asked.append((attempt, -1))
        return True

    def handler(job: JobContext, payload: Nothing) -> None:
        for item in job.batches(fetch, 4, size=10):
            asked.append((job.attempt, item))
            job.message(f"item {item}")
            if item == 2 and job.attempt == 1:
                raise ValueError("crash")

    delays = (timedelta(seconds=1), timedelta(hours=1), timedelta(hours=2), timedelta(hours=3))
    policy = RetryPolicy(max_attempts=2, delays=delays, jitter=0, can_retry=can_retry)
    services.registry.add(job_type("counting", title="Counting", retry=policy)(handler))
    monkeypatch.setattr(services.executor, "_memory", 1)
    job_id = services.jobs.create_job("counting").id
    runs = [run_once(services, "default", lease) for _ in range(3)]
    # between its slices it keeps what it has reported
    assert [(job.status, job.progress, job.message) for job in runs[:2]] == [
        (Status.QUEUED, 25.0, "item 0"),
        (Status.QUEUED, 50.0, "item 1"),
    ]
    assert runs[0].started_at == runs[1].started_at
    # its failure is that of attempt 1 of 2, with the first delay, and clears the reports
    failed = runs[2]
    assert (failed.status, failed.attempt_number, failed.attempts_allowed) == (Status.SCHEDULED, 1, 2)
    assert (failed.progress, failed.message, failed.started_at, failed.state) == (0.0, "", None, {"items_done": 2})
    assert failed.run_at - services.queries.jobs.now() < timedelta(minutes=1)
    first = services.queries.jobs.attempts(job_id)[-1]
    assert (first.outcome, first.started_at) == ("failed", runs[0].started_at)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(run_at=now()))
    promote_due(services.engine)
    last = [run_once(services, "default", lease) for _ in range(2)]
    assert [(job.status, job.attempt_number) for job in last] == [(Status.QUEUED, 1), (Status.COMPLETED, 2)]
    assert asked == [(1, 0), (1, 1), (1, 2), (1, -1), (2, 2), (2, 3)]


def test_progress_never_goes_back_between_slices(
    services: Services, lease: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def handler(job: JobContext, payload: Nothing) -> None:
        job.progress(1)  # the handler starts from its beginning in each slice
        seen.append(services.jobs.get(job.id).progress)
        for _ in job.batches(fetch, 3, size=10):
            pass

    services.registry.add(job_type("counting", title="Counting")(handler))
    monkeypatch.setattr(services.executor, "_memory", 1)
    job_id = services.jobs.create_job("counting").id
    while not (job := run_once(services, "default", lease)).is_finished:
        seen.append(job.progress)
    assert seen == sorted(seen)
    assert services.jobs.get(job_id).progress == 100.0


def test_a_stopped_job_does_not_start_another_slice(
    services: Services, lease: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        for _ in job.batches(fetch, 3):
            services.jobs.cancel(job.id)

    services.registry.add(job_type("counting", title="Counting")(handler))
    monkeypatch.setattr(services.executor, "_memory", 1)
    services.jobs.create_job("counting")
    assert run_once(services, "default", lease).status is Status.CANCELLED
    assert not services.claims.has_claimable("default")
