from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from tests.jobs.conftest import end
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries import all_jobs
from webapp.jobs.queries.all_jobs import AmbiguousId
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def insert(services: Services, job: Job, job_id: str) -> UUID:
    with writing(services.engine) as connection:
        services.jobs.store.insert(connection, [replace(job, id=UUID(job_id))])
    return UUID(job_id)


def test_a_job_is_found_by_the_last_eight_digits_of_its_id(services: Services, make: Make) -> None:
    job = make()
    make()
    assert services.queries.all_jobs.get_by_short_id(job.short_id) == services.jobs.get(job.id)


def test_the_first_digits_of_an_id_are_not_a_short_id(services: Services, make: Make) -> None:
    with pytest.raises(JobNotFound):
        services.queries.all_jobs.get_by_short_id(make().id.hex[:8])


def test_an_ambiguous_short_id_names_the_jobs(services: Services, make: Make) -> None:
    job = make()
    twin = insert(services, job, f"01a20000-0000-7000-8000-0000{job.short_id}")
    with pytest.raises(AmbiguousId, match=f"{job.id}.*{twin}"):
        services.queries.all_jobs.get_by_short_id(job.short_id)


def test_only_the_newest_jobs_are_found_by_short_id(
    services: Services, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_jobs, "SHORT_ID_SCAN_LIMIT", 2)
    old, new = make(), [make(), make()]
    assert [services.queries.all_jobs.get_by_short_id(job.short_id).id for job in new] == [job.id for job in new]
    with pytest.raises(JobNotFound):
        services.queries.all_jobs.get_by_short_id(old.short_id)


def test_the_newest_jobs_can_be_filtered_by_status_type_and_owner(
    services: Services, make: Make, people: Callable[[], UUID]
) -> None:
    person = people()
    hers, systems = make(owner=Owner(user_id=person)), make()
    services.jobs.cancel(systems.id)
    assert [job.id for job in services.queries.all_jobs.newest(9)] == [systems.id, hers.id]
    assert [job.id for job in services.queries.all_jobs.newest(9, owner_id=person)] == [hers.id]
    assert [job.id for job in services.queries.all_jobs.newest(9, statuses=(Status.CANCELLED,))] == [systems.id]
    assert services.queries.all_jobs.newest(9, type_name="maintenance") == ()


def test_failed_and_lost_jobs_are_paged_oldest_first(services: Services, running: Callable[..., Job]) -> None:
    ids = []
    for status in (Status.FAILED, Status.COMPLETED, Status.STALE, Status.CANCELLED, Status.FAILED):
        job = running()
        end(services, job, status)
        if status in {Status.FAILED, Status.STALE}:
            ids.append(job.id)
    assert services.queries.all_jobs.failed_ids(limit=2) == tuple(ids[:2])
    assert services.queries.all_jobs.failed_ids(limit=2, after=ids[1]) == tuple(ids[2:])


def test_failed_jobs_can_be_limited_to_a_period(services: Services, running: Callable[..., Job]) -> None:
    old, new = running(), running()
    for job in (old, new):
        end(services, job, Status.FAILED)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == old.id).values(finished_at=later(-3700)))
    assert services.queries.all_jobs.failed_ids(within=timedelta(hours=1)) == (new.id,)


def test_failed_children_are_left_out(services: Services, make: Make) -> None:
    root = make()
    child = services.jobs.create_child_job(root.id, "nothing")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == child.id).values(status="failed"))
    assert services.queries.all_jobs.failed_ids() == ()
