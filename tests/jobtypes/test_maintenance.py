import os
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import select, text, update

from tests.databases import BY_MONTH
from tests.stored_files import everything, stored_path
from webapp.accounts.user import User
from webapp.db.engine import reading, writing
from webapp.jobs.maintenance import pruner
from webapp.jobs.maintenance.month_partitions import TABLES, months_of_jobs
from webapp.jobs.model.job import Status
from webapp.schema import attachments, jobs, later, log_lines, sessions

OLD = later(-timedelta(days=31).total_seconds())
TWO_DAYS = timedelta(days=2).total_seconds()


@pytest.fixture
def change(services):
    """Turn back the clock of a row."""

    def change(table, condition, **values):
        with writing(services.engine) as connection:
            connection.execute(update(table).where(condition).values(**values))

    return change


@pytest.fixture
def finished(services, change):
    """Add a job that ended 31 days ago, with a file."""

    def add(**values):
        file = services.files.receive(BytesIO(b"name\n"), "people.csv")
        job = services.jobs.create_job("user_import", files={"file": file})
        change(jobs, jobs.c.id == job.id, **{"status": "completed", "finished_at": OLD, **values})
        return job.id

    return add


@pytest.fixture
def maintain(services, run_jobs):
    """Run the job and return it."""

    def run(**payload):
        job = services.jobs.create_system_job("maintenance", payload)
        run_jobs()
        return services.jobs.get(job.id)

    return run


def ids(services, table) -> set:
    with reading(services.engine) as connection:
        return set(connection.execute(select(table.c.id)).scalars())


def files(services) -> set:
    return set(everything(services.files))


def made_old(path) -> None:
    moment = path.stat().st_mtime - TWO_DAYS
    os.utime(path, (moment, moment))


def test_nothing_is_deleted_if_nothing_is_expired(services, maintain):
    job = maintain()
    assert (job.status, job.message) == (Status.COMPLETED, "Nothing to delete.")


def test_an_expired_job_is_deleted_with_its_children_and_files(database, services, maintain, finished):
    root = finished()
    finished(root_id=root)
    job = maintain()
    assert job.message == "Deleted 2 jobs."
    assert [line.text for line in services.queries.logs.log(job.id)] == [
        "Deleted 2 jobs",
        "Deleted 0 expired files",
        "Deleted 0 orphaned files",
        "Deleted 0 schedule runs",
        "Deleted 0 old metrics",
        "Deleted 0 old rate starts",
        "Deleted 0 old budget counts",
        "Deleted 0 sessions",
        "Deleted 0 sent messages",
        "Deleted 0 idempotency keys",
    ]
    assert ids(services, jobs) == {job.id}
    assert files(services) == set()


def test_unfinished_and_recent_jobs_and_the_children_of_unfinished_jobs_are_kept(services, maintain, finished):
    root = finished(status="waiting", finished_at=None)
    kept = {root, finished(root_id=root), finished(finished_at=later(-60))}
    assert maintain().message == "Nothing to delete."
    assert kept < ids(services, jobs)
    assert len(files(services)) == 3


def test_jobs_are_deleted_in_batches(database, services, maintain, finished, monkeypatch):
    monkeypatch.setattr(pruner, "BATCH", 2)
    for _ in range(5):
        finished()
    assert maintain().message == "Deleted 5 jobs."


def test_an_expired_file_is_deleted_and_its_row_keeps_the_time(
    database, services, maintain, finished, change, monkeypatch
):
    monkeypatch.setattr(pruner, "BATCH", 2)
    mine = [finished(finished_at=later(0)) for _ in range(3)]
    change(attachments, attachments.c.job_id.in_(mine), expires_at=later(-1))
    job = maintain()
    assert job.message == "Deleted 3 expired files."
    with reading(services.engine) as connection:
        gone_at = connection.execute(select(attachments.c.deleted_at)).scalars().all()
    assert len(gone_at) == 3
    assert all(gone_at)
    assert files(services) == set()


def test_an_orphaned_file_is_deleted_a_day_after_its_last_write(database, services, maintain, finished, change):
    kept, gone = finished(finished_at=later(0)), finished(finished_at=later(0))
    change(attachments, attachments.c.job_id == gone, deleted_at=later(0))  # its removal was cut short
    services.files.receive(BytesIO(b"left behind"), "x")
    for path in files(services):
        made_old(path)
    services.files.receive(BytesIO(b"on its way in"), "y")
    assert maintain().message == "Deleted 2 orphaned files."
    (input_file,) = services.jobs.attachments(kept)
    assert stored_path(services.files, input_file.id) in files(services)
    assert len(files(services)) == 2


def test_expired_sessions_are_deleted(services, maintain, user: User, change):
    services.sessions.begin(user.id)
    change(sessions, sessions.c.user_id == user.id, seen_at=OLD)
    token = services.sessions.begin(user.id)
    assert maintain().message == "Deleted 1 session."
    assert services.sessions.find(token) == user


def test_a_dry_run_counts_the_same_and_deletes_nothing(database, services, maintain, finished, change, user):
    root = finished()
    finished(root_id=root)
    expired = finished(finished_at=later(0))
    change(attachments, attachments.c.job_id == expired, expires_at=later(-1))
    orphan = services.files.receive(BytesIO(b"left behind"), "x")
    made_old(stored_path(services.files, orphan.id))
    services.sessions.begin(user.id)
    change(sessions, sessions.c.user_id == user.id, seen_at=OLD)
    before = files(services)
    summary = "2 jobs, 1 expired file, 1 orphaned file, 1 session."
    assert maintain(dry_run=True).message == f"Would delete {summary}"
    assert files(services) == before
    assert maintain().message == f"Deleted {summary}"


def test_only_operators_and_admins_can_start_maintenance(services):
    assert services.registry.get("maintenance").roles == {"operator", "admin"}


def test_a_job_is_deleted_with_its_log(services, maintain, change):
    first = maintain()
    change(jobs, jobs.c.id == first.id, finished_at=OLD)
    second = maintain()
    with reading(services.engine) as connection:
        assert set(connection.execute(select(log_lines.c.job_id)).scalars()) == {second.id}


class TestPartitions:
    """An installation whose tables have partitions by month."""

    @pytest.fixture
    def database(self):
        return BY_MONTH

    def test_partitions_for_the_next_months_are_added(self, services, maintain, database):
        following = services.pruner.months.current().after()
        with writing(services.engine) as connection:
            for table in reversed(TABLES):
                connection.execute(text(f"DROP TABLE {table}_{following} CASCADE"))
        assert maintain(dry_run=True).status is Status.COMPLETED
        with reading(services.engine) as connection:
            assert following not in months_of_jobs(connection)
        job = maintain()
        with reading(services.engine) as connection:
            assert following in months_of_jobs(connection)
            texts = connection.execute(select(log_lines.c.text).where(log_lines.c.job_id == job.id)).scalars().all()
        assert "Added partitions for 1 month" in texts
