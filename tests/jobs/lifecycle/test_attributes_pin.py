"""A pinned job and its files are kept after their retention, until the job is unpinned."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.lifecycle.attributes import CannotBePinned
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import attachments, jobs, later
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]


def age(services: Services, job: Job, days: float = 400) -> None:
    with writing(services.engine) as connection:
        ended = {"status": "completed", "finished_at": later(-days * 86400)}
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**ended))


def test_a_pinned_job_is_not_pruned_and_an_unpinned_one_is(services: Services, make: Make) -> None:
    job, other = make(), make()
    for ended in (job, other):
        age(services, ended)
    services.admin_jobs.pin(job.id)
    assert services.pruner.prune() == 1
    assert services.pruner.prune(timedelta(days=1)) == 0
    services.admin_jobs.unpin(job.id)
    assert services.pruner.prune() == 1
    with pytest.raises(JobNotFound):
        services.jobs.get(job.id)


def test_the_files_of_a_pinned_job_do_not_expire(services: Services, make: Make) -> None:
    job = make()
    old = services.jobs.add_attachment(job.id, "old.txt", b"abc")
    services.admin_jobs.pin(job.id)
    new = services.jobs.add_attachment(job.id, "new.txt", b"abc")
    assert [services.jobs.attachment(job.id, file.id).expires_at for file in (old, new)] == [None, None]
    services.admin_jobs.unpin(job.id)
    assert services.jobs.attachment(job.id, old.id).expires_at > services.queries.jobs.now() + timedelta(days=29)


def test_unpinning_gives_a_file_its_own_lifetime_again(services: Services, make: Make) -> None:
    job = make()
    services.jobs.add_attachment(job.id, "old.txt", "abc", keep=timedelta(hours=2))
    services.admin_jobs.pin(job.id)
    services.jobs.add_attachment(job.id, "new.txt", "abc", keep=timedelta(hours=2))
    assert {file.expires_at for file in services.jobs.attachments(job.id)} == {None}
    services.admin_jobs.unpin(job.id)
    now = services.queries.jobs.now()
    for file in services.jobs.attachments(job.id):
        assert timedelta(hours=1) < file.expires_at - now < timedelta(hours=3)


def test_pinning_does_not_bring_back_an_expired_file(services: Services, make: Make) -> None:
    job = make()
    file = services.jobs.add_attachment(job.id, "old.txt", b"abc")
    with writing(services.engine) as connection:
        connection.execute(update(attachments).values(expires_at=later(-1)))
    services.admin_jobs.pin(job.id)
    assert services.jobs.attachment(job.id, file.id).expires_at is not None


def test_pinning_is_recorded_once_with_the_user(services: Services, make: Make, user: User) -> None:
    job = make()
    for _ in range(2):
        services.admin_jobs.pin(job.id, by=user.id)
    services.admin_jobs.unpin(job.id, by=user.id)
    history = [(event.name, event.actor_id) for event in services.queries.jobs.timeline(job.id)]
    assert history[1:] == [("kept", user.id), ("kept_no_longer", user.id)]


def test_a_child_cannot_be_pinned_without_its_root(services: Services, make: Make) -> None:
    root = make()
    child = services.jobs.create_child_job(root.id, "nothing")
    with pytest.raises(CannotBePinned, match=f"child of job {root.short_id}"):
        services.admin_jobs.pin(child.id)


def test_the_date_of_deletion_is_known_in_advance(services: Services, make: Make) -> None:
    job = make()
    assert services.pruner.deletion_time(job) is None
    age(services, job, days=1)
    job = services.jobs.get(job.id)
    assert services.pruner.deletion_time(job) == job.finished_at + services.pruner.retention
    assert services.pruner.deletion_time(services.admin_jobs.pin(job.id)) is None
    assert job.status is Status.COMPLETED
