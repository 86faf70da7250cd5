import io
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.jobs.statements import plan_of, recorded
from tests.stored_files import stored_path
from webapp.config import load
from webapp.db.engine import is_sqlite, reading, writing
from webapp.jobs.files.disk_files import DiskFiles
from webapp.jobs.maintenance.pruner import BATCH, ORPHAN_AGE, Pruner
from webapp.jobs.model.job import TERMINAL, Job, Status
from webapp.jobs.store.attachments import FileLifetime
from webapp.jobs.store.fence import Fence, add_output
from webapp.schema import attachments, events, jobs, later
from webapp.services import Services

MONTH = timedelta(days=30)
pytestmark = [pytest.mark.storages, pytest.mark.dialect]


@pytest.fixture
def pruner(services: Services) -> Pruner:
    return services.pruner


@pytest.fixture
def with_file(services: Services, running: Callable[..., Job]) -> Callable[..., tuple[Job, Path]]:
    """Make a job with an output file, with these values in its row."""

    def with_file(**values: Any) -> tuple[Job, Path]:
        job = running(priority=500)
        file = services.files.receive(io.BytesIO(b"abc"), "a.txt")
        with writing(services.engine) as connection:
            fence = Fence(job_id=job.id, attempt=job.attempt)
            add_output(connection, fence, file, FileLifetime(timedelta(hours=1)))
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**{"lease_id": None, **values}))
        return job, stored_path(services.files, file.id)

    return with_file


def days_ago(days: float) -> Any:
    return later(-timedelta(days=days).total_seconds())


def aged(path: Path, age: timedelta) -> Path:
    modified_at = path.stat().st_mtime - age.total_seconds()
    os.utime(path, (modified_at, modified_at))
    return path


def ids(services: Services, table: Any = jobs) -> set[Any]:
    with reading(services.engine) as connection:
        return set(connection.execute(select(table.c.id)).scalars())


def test_the_longest_retention_of_the_settings_keeps_every_job(
    services: Services, with_file: Callable[..., tuple[Job, Path]], database: str
) -> None:
    job, _ = with_file(status="completed", finished_at=days_ago(36_500))
    longest = timedelta(days=load(retention_days=700_000, figures_days=700_000).retention_days)
    pruner = Pruner(services.engine, services.files, longest, services.registry, keep_metrics=longest)
    assert (pruner.prune(), pruner.prune_metrics(), pruner.prune_schedule_runs()) == (0, 0, 0)
    assert pruner.deletion_time(services.jobs.get(job.id)) is not None
    assert ids(services) == {job.id}


def test_old_finished_jobs_are_pruned_with_their_files_and_events(
    services: Services, pruner: Pruner, with_file: Callable[..., tuple[Job, Path]], database: str
) -> None:
    _, deleted = with_file(status="completed", finished_at=days_ago(31))
    recent, kept = with_file(status="completed", finished_at=days_ago(29))
    assert pruner.prune(MONTH) == 1
    assert ids(services) == {recent.id}
    assert (deleted.exists(), kept.exists()) == (False, True)
    with reading(services.engine) as connection:
        assert set(connection.execute(select(events.c.job_id)).scalars()) <= {recent.id}
        assert set(connection.execute(select(attachments.c.job_id)).scalars()) == {recent.id}


def test_a_file_is_deleted_after_its_own_lifetime_and_its_job_stays(
    services: Services, pruner: Pruner, make: Callable[..., Job], database: str
) -> None:
    job = make()
    gone, stays = (
        services.jobs.add_attachment(job.id, name, "abc", keep=keep)
        for name, keep in (("key.txt", timedelta(hours=6)), ("report.txt", None))
    )
    with writing(services.engine) as connection:  # seven hours later
        for file in (gone, stays):
            earlier = file.expires_at - timedelta(hours=7)
            connection.execute(update(attachments).where(attachments.c.id == file.id).values(expires_at=earlier))
    assert pruner.expire_files() == 1
    assert services.jobs.attachments(job.id) == (services.jobs.attachment(job.id, stays.id),)
    assert services.jobs.attachment(job.id, gone.id).deleted_at is not None
    assert not stored_path(services.files, gone.id).exists()
    assert services.jobs.get(job.id).id == job.id


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_an_unfinished_job_is_never_pruned(
    services: Services, pruner: Pruner, make: Callable[..., Job], status: Status
) -> None:
    job = make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status=status.value, created_at=days_ago(900), started_at=days_ago(900)))
    assert pruner.prune(timedelta(0)) == 0, "an unfinished job has no end to count from"
    assert ids(services) == {job.id}


def test_a_retried_job_is_not_pruned_by_its_earlier_end(
    services: Services, pruner: Pruner, make: Callable[..., Job]
) -> None:
    job = make()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(status="failed", finished_at=days_ago(900)))
    services.jobs.change(job.id, Job.mark_queued)
    assert pruner.prune(MONTH) == 0


def test_more_than_one_batch_is_pruned(services: Services, pruner: Pruner, make: Callable[..., Job]) -> None:
    with writing(services.engine) as connection:
        services.jobs.store.insert(connection, [new_job(number) for number in range(BATCH + 3)])
        connection.execute(update(jobs).values(status="failed", finished_at=days_ago(31)))
    assert pruner.prune(MONTH) == BATCH + 3


def new_job(number: int) -> Job:
    return Job(id=UUID(int=number), type="nothing", title="T", status=Status.QUEUED)


def test_an_expired_file_is_deleted_and_its_row_has_the_time(
    services: Services, pruner: Pruner, with_file: Callable[..., tuple[Job, Path]], database: str
) -> None:
    job, deleted = with_file()
    with writing(services.engine) as connection:
        connection.execute(update(attachments).values(expires_at=days_ago(1)))
    recent, kept = with_file()
    assert pruner.expire_files() == 1
    assert pruner.expire_files() == 0
    assert (deleted.exists(), kept.exists()) == (False, True)
    assert services.jobs.attachments(job.id) == ()
    assert len(services.jobs.attachments(recent.id)) == 1
    with reading(services.engine) as connection:
        (file_id,) = connection.execute(select(attachments.c.id).where(attachments.c.job_id == job.id)).scalars()
    assert services.jobs.attachment(job.id, file_id).deleted_at is not None


def test_files_in_a_bucket_are_expired_swept_and_missed(
    storage: str,
    services: Services,
    pruner: Pruner,
    with_file: Callable[..., tuple[Job, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, expired = with_file()
    with writing(services.engine) as connection:
        connection.execute(update(attachments).values(expires_at=days_ago(1)))
    (_, kept), (_, lost) = with_file(), with_file()
    orphan = stored_path(services.files, services.files.receive(b"x", "x").id)
    assert (pruner.expire_files(), pruner.sweep_orphans()) == (1, 0)
    monkeypatch.setattr("webapp.jobs.maintenance.pruner.time", lambda: time() + 2 * ORPHAN_AGE.total_seconds())
    assert (pruner.sweep_orphans(only_count=True), pruner.sweep_orphans(), pruner.sweep_orphans()) == (1, 1, 0)
    lost.unlink()
    assert [path.exists() for path in (expired, kept, lost, orphan)] == [False, True, False, False]
    assert [str(missing.id.hex) for missing in pruner.missing_files()] == [lost.name]


def test_the_sweep_deletes_only_old_files_without_a_row(
    services: Services, pruner: Pruner, with_file: Callable[..., tuple[Job, Path]]
) -> None:
    _, named = with_file()
    aged(named, 2 * ORPHAN_AGE)
    orphan = stored_path(services.files, services.files.receive(io.BytesIO(b"x"), "x").id)
    aged(orphan, 2 * ORPHAN_AGE)
    recent = stored_path(services.files, services.files.receive(io.BytesIO(b"x"), "x").id)
    with services.files.new_file() as draft:
        draft_path = aged(services.files.draft_path(draft.id), 2 * ORPHAN_AGE)
        assert pruner.sweep_orphans() == 2
        assert not draft_path.exists()
    assert [path.exists() for path in (named, orphan, recent)] == [True, False, True]


def test_the_sweep_deletes_a_file_that_a_crash_left_behind(
    services: Services, pruner: Pruner, with_file: Callable[..., tuple[Job, Path]]
) -> None:
    _, path = with_file()
    with writing(services.engine) as connection:
        connection.execute(update(attachments).values(deleted_at=days_ago(0)))
    aged(path, 2 * ORPHAN_AGE)
    assert pruner.sweep_orphans() == 1
    assert not path.exists()


def test_the_sweep_ignores_files_that_vanish_meanwhile(tmp_path: Path) -> None:
    files = DiskFiles(tmp_path)
    for _ in range(3):
        aged(stored_path(files, files.receive(io.BytesIO(b"x"), "x").id), 2 * ORPHAN_AGE)
    listing = files.files(ORPHAN_AGE, 4e9)
    next(listing)
    for path in tmp_path.glob("*/*"):
        path.unlink()
    assert list(listing) == []


def test_files_with_a_row_but_not_on_the_disk_are_found(
    services: Services, pruner: Pruner, with_file: Callable[..., tuple[Job, Path]], database: str
) -> None:
    (_, kept), (job, lost), (_, removed) = with_file(), with_file(), with_file()
    assert list(pruner.missing_files()) == []
    lost.unlink()
    removed.unlink()
    with writing(services.engine) as connection:
        connection.execute(
            update(attachments).where(attachments.c.id == UUID(removed.name)).values(deleted_at=days_ago(0))
        )
    (missing,) = pruner.missing_files()
    assert missing == (UUID(lost.name), job.id, "a.txt")
    assert kept.exists()


def test_more_than_one_batch_of_missing_files_is_found(
    pruner: Pruner, with_file: Callable[..., tuple[Job, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.jobs.maintenance.pruner.BATCH", 2)
    for _ in range(5):
        with_file()[1].unlink()
    assert len(list(pruner.missing_files())) == 5


@pytest.mark.usefixtures("database")
@pytest.mark.dialect(both=True)
def test_expired_jobs_are_found_by_indexes_and_not_sorted(services: Services, pruner: Pruner) -> None:
    with recorded(services.engine) as sent:
        pruner.prune()
    found = [each for each in sent if "finished_at <= " in each[0]]
    assert len(found) >= len(TERMINAL)
    for statement, parameters in found:
        plan = plan_of(services.engine, statement, parameters, as_if_large=True)
        assert "ix_dependencies_after" in plan  # looked up for each job that has dependents
        assert "ix_jobs_root" in plan  # and so are its children
        assert "Anti Join" not in plan
        if is_sqlite(services.engine):
            assert "ORDER BY" not in plan
        else:
            assert "ORDER BY jobs.finished_at" in statement  # which is the order of an index


@pytest.mark.usefixtures("database")
@pytest.mark.dialect(both=True)
def test_the_bound_of_a_retention_is_a_value(services: Services, pruner: Pruner) -> None:
    with recorded(services.engine) as sent:
        pruner.prune(MONTH)
    [(statement, parameters)] = [each for each in sent if "finished_at <= " in each[0]]
    assert "clock_timestamp" not in statement
    values = parameters.values() if isinstance(parameters, dict) else parameters
    assert any(str(value).startswith("20") for value in values)


def test_a_count_includes_the_children(services: Services, pruner: Pruner, make: Callable[..., Job]) -> None:
    root, child, other = make(), make(), make()
    with writing(services.engine) as connection:
        ended = update(jobs).values(status="completed", finished_at=later(-2 * MONTH.total_seconds()))
        connection.execute(ended.where(jobs.c.id.in_([root.id, child.id, other.id])))
        connection.execute(update(jobs).where(jobs.c.id == child.id).values(root_id=root.id, child_name="1"))
    assert pruner.prune(MONTH, only_count=True) == 3
    assert pruner.prune(MONTH) == 3
