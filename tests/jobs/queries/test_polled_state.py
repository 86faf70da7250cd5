"""The state of an open page differs whenever the page may look different."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import insert

from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries.polled_state import UserActivity
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import log_lines, now
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect, pytest.mark.partitions]
Make = Callable[..., Job]
VIEWER = Viewer(user_id=uuid4(), sees_all=True)
ANA, BEN = (Viewer(user_id=uuid4()) for _ in range(2))
CHANGES = {
    "progress": lambda services, job, _: services.jobs.change(job.id, lambda current: current.with_message("further")),
    "a file": lambda services, job, _: services.jobs.add_attachment(job.id, "a.txt", b"abc"),
    "a deleted file": lambda services, job, _: services.jobs.remove_attachments(job.id),
    "a child": lambda services, _, child: services.jobs.change(
        child.id, lambda current: current.with_message("further")
    ),
    "a new child": lambda services, job, _: services.jobs.create_child_job(job.id, "nothing"),
    "a repetition": lambda services, job, _: services.jobs.run_again(job.id),
    "a pin": lambda services, job, _: services.admin_jobs.pin(job.id),
    "a stop": lambda services, job, _: services.jobs.cancel(job.id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_tag_differs_after_a_change(services: Services, make: Make, change: str) -> None:
    job = make()
    child = services.jobs.create_child_job(job.id, "nothing")
    services.jobs.add_attachment(job.id, "first.txt", b"abc")
    before = services.queries.polled.of_job(VIEWER, job.id).tag
    assert services.queries.polled.of_job(VIEWER, job.id).tag == before
    CHANGES[change](services, job, child)
    assert services.queries.polled.of_job(VIEWER, job.id).tag != before


def test_the_state_of_a_job_is_for_those_who_see_it(services: Services, make: Make) -> None:
    job = make(Owner(user_id=ANA.user_id))
    assert services.queries.polled.of_job(ANA, job.id).job.id == job.id
    with pytest.raises(JobNotFound):
        services.queries.polled.of_job(BEN, job.id)


def test_a_log_changes_with_a_line_and_with_the_end_of_its_job(services: Services, make: Make) -> None:
    job = services.jobs.change(make(Owner(user_id=ANA.user_id)).id, lambda current: current.mark_running())
    polled = services.queries.polled
    assert not polled.log_has_changed(ANA, job.id, 0)
    line = {"job_id": job.id, "attempt": 1, "level": "INFO", "text": "first"}
    with writing(services.engine) as connection:
        connection.execute(insert(log_lines).values(at=now(), **line))
    last = services.queries.logs.log(job.id)[-1].id
    assert polled.log_has_changed(ANA, job.id, 0)
    assert not polled.log_has_changed(ANA, job.id, last)
    services.jobs.change(job.id, Job.mark_completed)
    assert polled.log_has_changed(ANA, job.id, last)
    with pytest.raises(JobNotFound):
        polled.log_has_changed(BEN, job.id, 0)


def test_the_state_of_a_list_has_only_jobs_that_its_viewer_sees(services: Services, make: Make) -> None:
    job = make(Owner(user_id=ANA.user_id))
    polled = services.queries.polled
    before = {viewer: polled.of_list(viewer, [job.id.hex], limit=50, listed=6) for viewer in (ANA, BEN)}
    services.jobs.change(job.id, lambda current: current.mark_running())
    assert polled.of_list(ANA, [job.id.hex], limit=50, listed=6) != before[ANA]
    assert polled.of_list(BEN, [job.id.hex], limit=50, listed=6) == before[BEN]


def test_a_poll_reads_the_same_activity_as_a_page(services: Services, make: Make) -> None:
    for _ in range(3):
        job = make(Owner(user_id=ANA.user_id))
        services.jobs.change(job.id, lambda current: current.mark_running())
    make(Owner(user_id=ANA.user_id))
    make(Owner(user_id=BEN.user_id))
    active = services.queries.lists.find_active(ANA, 2)
    loaded = UserActivity.of(active, services.notifications.state(ANA.user_id))
    assert loaded == services.queries.polled.of_list(ANA, [], listed=2).activity
    assert loaded == services.queries.polled.of_job(ANA, job.id, listed=2).activity
    assert (len(loaded.running), loaded.counts) == (2, (3, 1, 0))


def test_a_progress_changes_the_activity_of_the_owner(services: Services, make: Make) -> None:
    job = services.jobs.change(make(Owner(user_id=ANA.user_id)).id, lambda current: current.mark_running())
    before = services.queries.polled.of_list(ANA, [], listed=6).activity
    services.jobs.change(job.id, lambda current: current.with_progress(50))
    assert services.queries.polled.of_list(ANA, [], listed=6).activity != before


def test_a_paused_queue_is_noticed(services: Services) -> None:
    assert not services.queries.polled.of_list(ANA, []).any_paused
    services.queues.pause("default", by=None, reason="")
    assert services.queries.polled.of_list(ANA, []).any_paused
