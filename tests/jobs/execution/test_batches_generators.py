from collections.abc import Callable, Sequence
from uuid import UUID

import pytest

from tests.jobs.conftest import Nothing, run_once
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status
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
