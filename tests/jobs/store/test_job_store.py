from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from tests.jobs.conftest import end
from webapp.db.engine import writing
from webapp.jobs.model.job import IllegalTransition, Job, Status
from webapp.jobs.store.job_store import JobNotFound, StaleJob, with_values
from webapp.schema import jobs
from webapp.services import Services


def counted(job: Job) -> Job:
    return job.with_metadata({"count": job.metadata.get("count", 0) + 1})


def test_no_update_is_lost_among_many_writers(services: Services, make: Callable[..., Job], database: str) -> None:
    job = make()

    def writer(_: int) -> None:
        for _ in range(25):
            services.jobs.change(job.id, counted)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(writer, range(8)))
    after = services.jobs.get(job.id)
    assert after.metadata == {"count": 200}
    assert after.version == job.version + 200


def test_a_step_is_called_again_after_a_concurrent_change(services: Services, make: Callable[..., Job]) -> None:
    job, seen = make(), []

    def step(job: Job) -> Job:
        if not seen:
            services.jobs.change(job.id, lambda other: other.with_message("faster"))
        seen.append(job.version)
        return counted(job)

    after = services.jobs.change(job.id, step)
    assert seen == [1, 2]
    assert (after.message, after.metadata, after.version) == ("faster", {"count": 1}, 3)


def test_a_step_that_changes_nothing_writes_nothing(services: Services, make: Callable[..., Job]) -> None:
    job = make()
    assert services.jobs.change(job.id, lambda same: same) == job


def test_an_unchanged_copy_can_be_written_back(services: Services, make: Callable[..., Job], database: str) -> None:
    job = make()
    persisted = services.jobs.persist(job.with_message("mine"))
    assert (persisted.message, persisted.version) == ("mine", 2)


def test_a_stale_copy_is_rejected(services: Services, make: Callable[..., Job], database: str) -> None:
    copy = make()
    services.jobs.change(copy.id, lambda job: job.with_message("theirs"))
    with pytest.raises(StaleJob, match=f"Job {copy.short_id} has changed since version 1 was read"):
        services.jobs.persist(copy.with_message("mine"))
    assert services.jobs.get(copy.id).message == "theirs"


def test_a_copy_of_a_job_that_has_ended_is_stale(services: Services, running: Callable[..., Job]) -> None:
    copy = running()
    end(services, copy)
    with pytest.raises(StaleJob):
        services.jobs.persist(copy.with_message("late"))


def test_reading_a_missing_job_names_it(services: Services) -> None:
    missing = uuid4()
    with pytest.raises(JobNotFound, match=f"There is no job {missing}."):
        services.jobs.get(missing)
    with pytest.raises(JobNotFound):
        services.jobs.change(missing, lambda job: job)


def test_an_illegal_step_changes_nothing(services: Services, make: Callable[..., Job]) -> None:
    job = make()
    with pytest.raises(IllegalTransition):
        services.jobs.change(job.id, Job.mark_completed)
    assert services.jobs.get(job.id) == job


def test_start_and_end_have_the_time_of_the_database(
    services: Services, make: Callable[..., Job], database: str
) -> None:
    job = make()
    started = services.jobs.change(job.id, Job.mark_running)
    finished = services.jobs.change(job.id, Job.mark_completed)
    assert started.started_at is not None
    assert started.finished_at is None
    assert job.created_at <= finished.started_at <= finished.finished_at <= services.queries.jobs.now()


@pytest.mark.parametrize("step", [Job.mark_queued, Job.mark_completed, Job.mark_failed, Job.mark_cancelled])
def test_a_job_that_stops_running_releases_its_lease(
    services: Services, running: Callable[..., Job], step: Callable[[Job], Job]
) -> None:
    job = running()
    assert job.lease_id is not None
    assert services.jobs.change(job.id, step).lease_id is None


def test_a_job_that_is_queued_again_has_no_end_and_no_stop_request(
    services: Services, running: Callable[..., Job]
) -> None:
    job = running()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(cancel_requested_at=job.started_at))
    stopped = services.jobs.change(job.id, Job.mark_cancelled)
    assert (stopped.cancel_kind, stopped.finished_at is None) == ("cooperative", False)
    again = services.jobs.change(job.id, Job.mark_queued)
    assert (again.finished_at, again.cancel_requested_at, again.cancel_kind) == (None, None, None)


def test_no_step_changes_a_completed_job(services: Services, running: Callable[..., Job]) -> None:
    job = running()
    end(services, job)
    for step in (Job.mark_queued, Job.mark_running, Job.mark_failed, Job.mark_cancelled, Job.mark_completed):
        with pytest.raises(IllegalTransition):
            services.jobs.change(job.id, step)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.COMPLETED}))
def test_the_database_enforces_that_completed_is_final(
    services: Services, running: Callable[..., Job], database: str, status: Status
) -> None:
    end(services, running())
    with pytest.raises(DBAPIError, match="a completed job is final"), writing(services.engine) as connection:
        connection.execute(text("UPDATE jobs SET status = :status"), {"status": status.value})


def test_a_copy_cannot_make_an_illegal_move(services: Services, make: Callable[..., Job]) -> None:
    job = make()
    with pytest.raises(IllegalTransition):
        services.jobs.persist(replace(job, status=Status.COMPLETED))
    with pytest.raises(IllegalTransition):
        services.jobs.change(job.id, lambda old: replace(old, status=Status.COMPLETED))


def test_the_job_of_a_row_is_what_its_class_would_make(services: Services, make: Callable[..., Job]) -> None:
    job = services.jobs.get(make(tags=["night"]).id)
    assert job == Job(**{each.name: getattr(job, each.name) for each in fields(Job)})


def test_a_copy_with_other_values_has_all_the_others() -> None:
    job = Job(id=uuid4(), type="letter", title="Letter", status=Status.QUEUED, payload={"to": "all"}, tags=("a", "b"))
    values = {"created_at": datetime.now(UTC), "fair": 7}
    assert with_values(job, values) == replace(job, **values)
    assert (job.created_at, job.fair) != (values["created_at"], 7)
