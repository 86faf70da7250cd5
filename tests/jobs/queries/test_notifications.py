"""A job that ends notifies its owner and nobody else."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from tests.jobs.conftest import HOLDER, Nothing, end, run_once
from webapp.db.engine import writing
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.notifications import TopBarState
from webapp.schema import users
from webapp.services import Services

Make = Callable[..., Job]


@pytest.fixture
def ana(people: Callable[[], UUID]) -> UUID:
    return people()


def unread(services: Services, person: UUID) -> list[tuple[UUID, Status]]:
    return [(notification.job_id, notification.status) for notification in services.notifications.unread(person)]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.STALE, Status.CANCELLED])
def test_the_owner_of_a_job_is_notified_when_it_ends(
    services: Services, running: Make, ana: UUID, status: Status, database: str
) -> None:
    job = running(owner=Owner(user_id=ana))
    assert unread(services, ana) == []
    end(services, job, status, cancel_kind="cooperative" if status is Status.CANCELLED else None)
    assert unread(services, ana) == [(job.id, status)]
    [notification] = services.notifications.unread(ana)
    assert (notification.title, notification.at) == (job.title, services.jobs.get(job.id).finished_at)


def test_a_record_only_job_creates_a_notification(services: Services, make: Make, ana: UUID, database: str) -> None:
    job = make(Owner(user_id=ana), dispatch=False)
    services.jobs.change(job.id, Job.mark_running)
    services.jobs.change(job.id, Job.mark_completed)
    assert unread(services, ana) == [(job.id, Status.COMPLETED)]


def test_system_jobs_and_unknown_owners_get_no_notification(services: Services, running: Make, database: str) -> None:
    for owner in (Owner(public=True), Owner(user_id=uuid4())):
        end(services, running(owner=owner))
    with writing(services.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM notices").scalar_one() == 0


def test_a_job_stopped_before_its_start_creates_no_notification(
    services: Services, make: Make, ana: UUID, database: str
) -> None:
    services.jobs.cancel(make(Owner(user_id=ana)).id)
    assert unread(services, ana) == []


def test_an_attempt_that_is_retried_creates_no_notification(
    services: Services, running: Make, ana: UUID, database: str
) -> None:
    job = running(owner=Owner(user_id=ana))
    end(services, job, Status.SCHEDULED, retry_in=0.0)
    assert unread(services, ana) == []


def test_only_the_root_creates_a_notification(services: Services, run: Callable[..., Job], ana: UUID) -> None:
    root = run(_root, owner=Owner(user_id=ana))
    run_once(services, "default", services.leases.open(HOLDER, "default"))
    assert services.jobs.get(root.id).status is Status.COMPLETED
    assert unread(services, ana) == [(root.id, Status.COMPLETED)]


def _root(job: JobContext, payload: Nothing) -> None:
    job.spawn("nothing")


def test_a_read_notification_is_no_longer_unread(services: Services, running: Make, ana: UUID, database: str) -> None:
    finished = [running(owner=Owner(user_id=ana)) for _ in range(3)]
    for job in finished:
        end(services, job)
    state = services.notifications.state(ana)
    newest, middle, oldest = services.notifications.unread(ana)
    assert (state.unread, state.latest, state.failures) == (3, newest.id, 0)
    assert [notification.id for notification in services.notifications.after(ana, oldest.id)] == [middle.id, newest.id]
    services.notifications.mark_read(ana, middle.id)
    assert services.notifications.state(ana) == TopBarState(unread=2, latest=newest.id, failures=0)
    services.notifications.mark_read(uuid4(), newest.id)
    assert services.notifications.state(ana).unread == 2, "a user cannot mark the notifications of others"
    services.notifications.mark_read(ana)
    assert services.notifications.state(ana) == TopBarState(unread=0, latest=0, failures=0)
    assert len(services.notifications.read(ana)) == 3


def test_failures_are_unseen_until_their_owner_looks_at_their_jobs(
    services: Services, running: Make, ana: UUID, database: str
) -> None:
    failed, lost, done = (running(owner=Owner(user_id=ana)) for _ in range(3))
    for job, status in ((failed, Status.FAILED), (lost, Status.STALE), (done, Status.COMPLETED)):
        end(services, job, status)
    assert services.notifications.state(ana).failures == 2
    services.notifications.mark_failures_seen(uuid4(), [failed.id])
    assert services.notifications.state(ana).failures == 2, "another user cannot see them"
    services.notifications.mark_failures_seen(ana, [failed.id, done.id])
    state = services.notifications.state(ana)
    assert (state.unread, state.failures) == (2, 1), "a finished job is no failure"


def test_a_notification_is_deleted_with_its_job(services: Services, running: Make, ana: UUID, database: str) -> None:
    job = running(owner=Owner(user_id=ana))
    end(services, job)
    services.jobs.delete(job.id)
    assert unread(services, ana) == []


@pytest.mark.parametrize(
    ("choice", "expected"), [("never", []), ("failure", ["failed"]), ("always", ["done", "failed"])]
)
def test_users_choose_which_results_notify_them(
    services: Services, running: Make, ana: UUID, choice: str, expected: list[str], database: str
) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.id == ana).values(notify=choice))
    for status in (Status.COMPLETED, Status.FAILED):
        end(services, running(owner=Owner(user_id=ana)), status)
    words = {Status.COMPLETED: "done", Status.FAILED: "failed"}
    assert sorted(words[status] for _, status in unread(services, ana)) == expected
