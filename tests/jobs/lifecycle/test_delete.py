"""Deleting ended jobs, and the retention of each job type."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from tests.jobs.conftest import Nothing
from tests.stored_files import stored_path
from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle.delete import CannotBeDeleted
from webapp.jobs.model.job import TERMINAL, UNFINISHED, IllegalTransition, Job, Status
from webapp.jobs.model.policies import FOREVER, Retention
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import events, jobs, later
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.partitions]
Make = Callable[..., Job]


def become(services: Services, job: Job, status: Status, days_ago: float = 0.0) -> None:
    ended = {"finished_at": later(-timedelta(days=days_ago).total_seconds())} if status in TERMINAL else {}
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status=status.value, **ended))


def ids(services: Services) -> set[UUID]:
    with reading(services.engine) as connection:
        return set(connection.execute(select(jobs.c.id)).scalars())


@pytest.fixture
def family(services: Services, make: Make) -> tuple[Job, Job]:
    root = make()
    return root, services.jobs.create_child_job(root.id, "nothing")


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_an_ended_job_is_deleted_with_its_files(services: Services, make: Make, status: Status) -> None:
    job, other = make(), make()
    file = services.jobs.add_attachment(job.id, "a.txt", b"abc")
    become(services, job, status)
    services.jobs.delete(job.id, by=uuid4())
    assert ids(services) == {other.id}
    assert not stored_path(services.files, file.id).exists()


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_an_unfinished_job_cannot_be_deleted(services: Services, make: Make, status: Status) -> None:
    job = make()
    become(services, job, status)
    with pytest.raises(CannotBeDeleted, match=f"Job {job.short_id} cannot be deleted: it is {status}. Stop it first."):
        services.jobs.delete(job.id)
    assert ids(services) == {job.id}


def test_a_refused_deletion_is_an_illegal_transition() -> None:
    assert issubclass(CannotBeDeleted, IllegalTransition)


def test_deleting_a_missing_job_names_it(services: Services) -> None:
    with pytest.raises(JobNotFound):
        services.jobs.delete(uuid4())


def test_children_are_deleted_with_their_root_and_never_alone(services: Services, family: tuple[Job, Job]) -> None:
    root, child = family
    become(services, child, Status.COMPLETED)
    with pytest.raises(CannotBeDeleted, match=f"it is a child of job {root.short_id} and is deleted with it"):
        services.jobs.delete(child.id)
    become(services, root, Status.COMPLETED)
    services.jobs.delete(root.id)
    assert ids(services) == set()


def test_the_events_of_a_job_and_its_children_are_deleted_with_them(
    services: Services, make: Make, family: tuple[Job, Job]
) -> None:
    stays = make()
    for job in family:
        become(services, job, Status.COMPLETED)
    services.jobs.delete(family[0].id)
    with reading(services.engine) as connection:
        assert set(connection.execute(select(events.c.job_id)).scalars()) == {stays.id}


def test_a_root_with_an_unfinished_child_cannot_be_deleted(services: Services, family: tuple[Job, Job]) -> None:
    root, _ = family
    become(services, root, Status.FAILED)
    with pytest.raises(CannotBeDeleted, match="one of its child jobs has not ended"):
        services.jobs.delete(root.id)
    assert services.jobs.prune(timedelta.resolution) == 0


def test_deleting_many_jobs_skips_unfinished_ones(services: Services, make: Make) -> None:
    ended, waiting = [make() for _ in range(3)], make()
    for job in ended:
        become(services, job, Status.CANCELLED)
    assert services.jobs.delete_many([*(job.id for job in ended), waiting.id, uuid4()]) == 3
    assert ids(services) == {waiting.id}


def test_a_crash_between_rows_and_files_leaves_orphans_for_the_pruner(
    services: Services, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    file = services.jobs.add_attachment(job.id, "a.txt", b"abc")
    become(services, job, Status.FAILED)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(services.files), "remove", crash)
        with pytest.raises(KeyboardInterrupt):
            services.jobs.delete(job.id)
    assert ids(services) == set()
    assert services.pruner.sweep_orphans(older_than=timedelta(seconds=-1)) == 1
    assert not stored_path(services.files, file.id).exists()


@pytest.fixture
def aged(services: Services) -> Callable[..., Job]:
    """Add a job of a type with this retention, that ended so many days ago."""

    def handler(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    def aged(status: Status, days: float, name: str, **keep: timedelta) -> Job:
        services.registry.add(job_type(name, title="T", replaces=True, keep=Retention(**keep))(handler))
        job = services.jobs.create_job(name)
        become(services, job, status, days)
        return job

    return aged


@pytest.mark.partitions(leave_out=True)  # jobs expire with their month
def test_each_type_has_a_retention_per_final_status(services: Services, aged: Callable[..., Job]) -> None:
    week = {"completed": timedelta(days=7), "stale": FOREVER}
    gone = [aged(Status.COMPLETED, 8, "weekly", **week), aged(Status.FAILED, 31, "weekly", **week)]
    kept = [
        aged(Status.COMPLETED, 6, "weekly", **week),
        aged(Status.FAILED, 29, "weekly", **week),
        aged(Status.STALE, 9000, "weekly", **week),
        aged(Status.COMPLETED, 8, "plain"),
        aged(Status.CANCELLED, 400, "yearly", cancelled=timedelta(days=500)),
    ]
    gone += [aged(Status.COMPLETED, 31, "plain"), aged(Status.STALE, 31, "plain")]
    assert services.pruner.prune(only_count=True) == len(gone)
    assert len(ids(services)) == len(gone) + len(kept)
    assert services.pruner.prune() == len(gone)
    assert ids(services) == {job.id for job in kept}


@pytest.mark.partitions(leave_out=True)  # jobs expire with their month
def test_a_removed_type_has_the_retention_of_the_installation(services: Services, make: Make) -> None:
    job = make()
    become(services, job, Status.COMPLETED, 31)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(type="removed"))
    assert services.pruner.prune() == 1


def test_an_explicit_age_overrides_every_retention(services: Services, aged: Callable[..., Job]) -> None:
    aged(Status.STALE, 9000, "eternal", stale=FOREVER)
    assert services.jobs.prune(timedelta(days=9001)) == 0
    assert services.jobs.prune(timedelta(days=100)) == 1


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_no_retention_deletes_an_unfinished_job(services: Services, aged: Callable[..., Job], status: Status) -> None:
    job = aged(status, 0, "short", completed=timedelta(0), failed=timedelta(0))
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(created_at=later(-9e7), finished_at=later(-9e7)))
    assert services.pruner.prune() == 0
    assert ids(services) == {job.id}


def test_a_retention_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="of zero or more"):
        Retention(failed=timedelta(days=-1))


def test_a_job_that_was_retried_meanwhile_is_not_deleted(services: Services, make: Make) -> None:
    job = make()
    become(services, job, Status.FAILED)
    services.jobs.retry(job.id)
    assert services.jobs.delete_many([job.id]) == 0
    with reading(services.engine) as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 1
