"""Record-only jobs without updates are marked as lost."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.jobs.conftest import Nothing
from webapp.db.engine import writing
from webapp.jobs import Job, JobContext, Status, job_type
from webapp.jobs.maintenance.stale_records import mark_silent_records_stale
from webapp.schema import jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def crawl(services: Services) -> Job:
    def handler(job: JobContext, payload: Nothing) -> None:
        """The work is done elsewhere."""

    services.registry.add(job_type("crawl", title="Crawl", stale_after=timedelta(minutes=30))(handler))
    record = services.jobs.create_job("crawl", dispatch=False)
    return services.jobs.change(record.id, Job.mark_running)


def set_heartbeat_age(services: Services, job: Job, minutes: float) -> None:
    with writing(services.engine) as connection:
        values = {"heartbeat_at": later(-60 * minutes)}
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))


def test_a_record_without_updates_is_lost_after_the_limit(services: Services, crawl: Job) -> None:
    set_heartbeat_age(services, crawl, minutes=29)
    assert mark_silent_records_stale(services.jobs, services.registry) == 0
    set_heartbeat_age(services, crawl, minutes=31)
    assert mark_silent_records_stale(services.jobs, services.registry) == 1
    lost = services.jobs.get(crawl.id)
    assert lost.status is Status.STALE
    assert lost.finished_at is not None
    assert lost.errors[-1]["text"] == "No update for 30 min, so it was marked as lost."


def test_a_record_of_a_type_without_a_limit_has_that_of_the_installation(services: Services) -> None:
    assert services.registry.get("nothing").stale_after == timedelta(days=7)
    record = services.jobs.create_job("nothing", dispatch=False)
    running = services.jobs.change(record.id, Job.mark_running)
    set_heartbeat_age(services, running, minutes=60 * 24 * 400)
    assert mark_silent_records_stale(services.jobs, services.registry) == 1


def test_every_update_counts_as_a_heartbeat(services: Services, crawl: Job) -> None:
    set_heartbeat_age(services, crawl, minutes=31)
    services.jobs.change(crawl.id, lambda job: job.with_progress(5.0))
    assert mark_silent_records_stale(services.jobs, services.registry) == 0


def test_a_root_with_unfinished_children_is_never_lost(services: Services, crawl: Job) -> None:
    services.jobs.create_child_job(crawl.id, "crawl", dispatch=False)
    set_heartbeat_age(services, crawl, minutes=31)
    assert mark_silent_records_stale(services.jobs, services.registry) == 0


def test_a_record_of_a_type_without_a_limit_is_never_lost(services: Services) -> None:
    record = services.jobs.create_job("nothing", dispatch=False)
    running = services.jobs.change(record.id, Job.mark_running)
    set_heartbeat_age(services, running, minutes=60 * 24)
    assert mark_silent_records_stale(services.jobs, services.registry) == 0
