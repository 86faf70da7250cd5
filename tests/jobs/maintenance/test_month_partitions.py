"""Whole months of jobs are dropped on PostgreSQL, and what must stay keeps its month."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import case, func, insert, select, text, update

from tests.databases import BY_MONTH
from tests.jobs.row_invariants import broken, snapshot
from tests.stored_files import everything
from webapp.db.engine import reading, writing
from webapp.db.partitions import PartitionMonth, add_month, months_of
from webapp.jobs import Flow, Job, Owner, Retention
from webapp.jobs.lifecycle import create
from webapp.jobs.maintenance import month_partitions
from webapp.jobs.maintenance.month_partitions import MONTHS_AHEAD, TABLES, divide_by_month, months_of_jobs
from webapp.jobs.maintenance.pruner import Pruner
from webapp.schema import dependencies, flows, jobs, later, metadata, notices, requests
from webapp.services import Services

Make = Callable[..., Job]


@pytest.fixture
def database() -> str:
    return BY_MONTH


@pytest.fixture
def pruner(services: Services, database: str) -> Pruner:
    return services.pruner


@pytest.fixture
def old(services: Services, pruner: Pruner) -> PartitionMonth:
    """A month of which all jobs have expired, with partitions."""
    month = pruner.months.current().after(-4)
    with writing(services.engine) as connection:
        for number in range(4):
            add_month(connection, TABLES, month.after(number))
    return month


@pytest.fixture
def made_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[PartitionMonth], Any]:
    """Return a context in which new jobs get ids of a month."""
    numbers = count(1)

    @contextmanager
    def made_in(month: PartitionMonth) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(create, "uuid7", lambda: UUID(int=month.first_id.int + next(numbers)))
            yield

    return made_in


@pytest.fixture
def ended_long_ago(services: Services) -> Callable[..., None]:
    """Let jobs have ended a hundred days ago: all, or those with these ids."""

    def end(*ids: UUID) -> None:
        with writing(services.engine) as connection:
            ended = update(jobs).values(
                status=case((jobs.c.status == "completed", "completed"), else_="failed"),
                finished_at=later(-100 * 86_400),
                lease_id=None,
            )
            connection.execute(ended.where(jobs.c.id.in_(ids)) if ids else ended)

    return end


def rows(services: Services) -> dict[str, int]:
    """Count the rows of each table that has some."""
    with reading(services.engine) as connection:
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
    return {name: number for name, number in counts.items() if number}


def months(services: Services) -> list[PartitionMonth]:
    with reading(services.engine) as connection:
        return months_of_jobs(connection)


def test_a_month_is_dropped_with_everything_that_belongs_to_its_jobs(
    services: Services,
    pruner: Pruner,
    old: PartitionMonth,
    made_in: Callable[[PartitionMonth], Any],
    people: Callable[[], UUID],
    run_jobs: Callable[[], int],
    ended_long_ago: Callable[..., None],
) -> None:
    owner = Owner(user_id=people())
    before = rows(services)
    with made_in(old):
        first = services.jobs.create_job("nothing", owner=owner, request_key="once")
        services.jobs.create_job("nothing", owner=owner, after=[first.id])
        root = services.jobs.create_job("nothing", owner=owner)
        services.jobs.create_child_job(root.id, "nothing", name="child")
        services.jobs.add_attachment(first.id, "a.txt", BytesIO(b"abc"))
        flow = Flow("Flow")
        flow.spawn("nothing", name="last").after("first")
        flow.spawn("nothing", name="first")
        services.jobs.start_flow(flow)
    assert run_jobs()
    kept = services.jobs.create_job("nothing", unique_key="k")
    services.jobs.add_attachment(kept.id, "b.txt", BytesIO(b"abc"))
    ended_long_ago(*(job_id for job_id in ids(services) if job_id != kept.id))
    found = rows(services)
    assert {table.name for table in (dependencies, flows, notices, requests)} <= found.keys()
    assert pruner.prune(only_count=True) == found["jobs"] - 1 == 6
    assert pruner.prune() == 6
    assert old not in months(services)
    assert ids(services) == {kept.id}
    left = {name: number - before.get(name, 0) for name, number in rows(services).items()}
    gone = {"attempts", "dependencies", "flows", "flow_jobs", "notices", "requests", "job_errors"}
    assert left["jobs"] == left["events"] == left["attachments"] == left["claimed_keys"] == 1
    assert not gone & {name for name, number in left.items() if number}
    assert [path.read_bytes() for path in everything(services.files) if path.is_file()] == [b"abc"]
    with reading(services.engine) as connection:
        tables = connection.execute(text("SELECT count(*) FROM pg_tables WHERE tablename LIKE '%expired'")).scalar()
    assert not tables
    assert not broken(snapshot(services.engine))


def ids(services: Services) -> set[UUID]:
    with reading(services.engine) as connection:
        return set(connection.execute(select(jobs.c.id)).scalars())


@pytest.mark.parametrize(
    "values", [{"kept_at": later(0)}, {"status": "queued", "finished_at": None}, {"finished_at": later(-86_400)}]
)
def test_a_job_that_stays_keeps_its_month_and_the_others_are_deleted(
    services: Services,
    pruner: Pruner,
    old: PartitionMonth,
    made_in: Callable[[PartitionMonth], Any],
    make: Make,
    ended_long_ago: Callable[..., None],
    values: dict[str, Any],
) -> None:
    with made_in(old):
        stays, _, _ = make(), make(), make()
    ended_long_ago()
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == stays.id).values(**values))
    assert pruner.prune() == 2
    assert (ids(services), old in months(services)) == ({stays.id}, True)


def test_a_job_that_others_wait_for_keeps_its_month(
    services: Services,
    pruner: Pruner,
    old: PartitionMonth,
    made_in: Callable[[PartitionMonth], Any],
    make: Make,
    ended_long_ago: Callable[..., None],
) -> None:
    with made_in(old):
        awaited = make()
    follower = make(after=[awaited.id])
    ended_long_ago(awaited.id)
    assert pruner.prune() == 0
    services.jobs.cancel(follower.id)
    assert pruner.prune() == 1
    assert (ids(services), old in months(services)) == ({follower.id}, False)


def test_a_family_in_two_months_is_deleted_before_these_are_dropped(
    services: Services,
    pruner: Pruner,
    old: PartitionMonth,
    made_in: Callable[[PartitionMonth], Any],
    make: Make,
    ended_long_ago: Callable[..., None],
) -> None:
    with made_in(old):
        root = make()
    with made_in(old.after()):
        services.jobs.create_child_job(root.id, "nothing", name="child")
        make()
    ended_long_ago()
    assert pruner.prune() == 3
    assert {old, old.after()} <= set(months(services))
    pruner.prune()
    assert not {old, old.after()} & set(months(services))


def test_a_type_with_a_longer_retention_keeps_its_month(
    services: Services,
    old: PartitionMonth,
    made_in: Callable[[PartitionMonth], Any],
    make: Make,
    ended_long_ago: Callable[..., None],
) -> None:
    with made_in(old):
        make()
    ended_long_ago()
    assert keeping(services, days=365).prune() == 0
    assert old in months(services)
    assert keeping(services, days=99).prune() == 1
    assert old not in months(services)


def keeping(services: Services, *, days: int) -> Pruner:
    """Return a pruner for which failed jobs have a retention of their own."""
    job_type = replace(services.registry.get("nothing"), keep=Retention(failed=timedelta(days=days)))
    return Pruner(services.engine, services.files, timedelta(days=30), [job_type])


def test_files_of_a_dropped_month_are_removed_by_the_next_run_if_one_is_interrupted(
    services: Services,
    pruner: Pruner,
    old: PartitionMonth,
    made_in: Callable[[PartitionMonth], Any],
    make: Make,
    ended_long_ago: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with made_in(old):
        services.jobs.add_attachment(make().id, "a.txt", BytesIO(b"abc"))
    ended_long_ago()

    def fail(file_id: UUID) -> None:
        raise ConnectionResetError(file_id)

    with monkeypatch.context() as patch, pytest.raises(ConnectionResetError):
        patch.setattr(services.files, "remove", fail)
        pruner.prune()
    assert (ids(services), old in months(services)) == (set(), False)
    assert any(path.is_file() for path in everything(services.files))
    assert pruner.prune() == 1
    assert not any(path.is_file() for path in everything(services.files))


def test_a_month_that_somebody_uses_is_dropped_later(
    services: Services,
    pruner: Pruner,
    old: PartitionMonth,
    made_in: Callable[[PartitionMonth], Any],
    make: Make,
    ended_long_ago: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(month_partitions, "_TRIES", 2)
    monkeypatch.setattr(month_partitions, "_PAUSE_SECONDS", 0)
    with made_in(old):
        job = make()
    ended_long_ago()
    with writing(services.engine) as connection:
        connection.execute(select(jobs.c.id).where(jobs.c.id == job.id).with_for_update())
        assert pruner.prune() == 0
    assert old in months(services)
    assert pruner.prune() == 1
    assert old not in months(services)


def test_a_job_expires_with_its_month_unless_its_type_says_otherwise(
    services: Services, pruner: Pruner, make: Make
) -> None:
    job = make()
    with writing(services.engine) as connection:  # with an id of this month
        connection.execute(update(jobs).values(status="failed", finished_at=later(-31 * 86_400)))
    job = services.jobs.get(job.id)
    assert pruner.prune() == 0
    assert pruner.deletion_time(job) == pruner.months.current().after().begins + pruner.retention
    own = keeping(services, days=20)
    assert job.finished_at is not None
    assert own.deletion_time(job) == job.finished_at + timedelta(days=20)
    assert own.prune() == 1


def test_months_are_added_ahead(services: Services, pruner: Pruner, database: str) -> None:
    current = pruner.months.current()
    assert months(services) == [current.after(number) for number in range(MONTHS_AHEAD + 1)]
    assert pruner.add_months() == 0
    with writing(services.engine) as connection:
        for table in reversed(TABLES):
            for number in (2, 3):
                connection.execute(text(f"DROP TABLE {table}_{current.after(number)} CASCADE"))
        row = {"id": current.after(2).first_id, "type": "nothing", "title": "T", "status": "failed", "queue": "default"}
        connection.execute(insert(jobs).values(**row, priority=0, payload={}, created_at=later(0)))
    assert pruner.add_months() == 1, "one month has rows in the default partition"
    assert months(services) == [current.after(number) for number in (0, 1, 3)]


class TestWithoutPartitions:
    """An installation on PostgreSQL that was made without the setting."""

    @pytest.fixture
    def database(self) -> str:
        return "postgresql"

    def test_nothing_is_added_or_dropped(
        self, services: Services, pruner: Pruner, make: Make, ended_long_ago: Callable[..., None], database: str
    ) -> None:
        make()
        ended_long_ago()
        assert (months(services), pruner.add_months(), pruner.prune()) == ([], 0, 1)

    def test_tables_with_rows_are_not_divided(self, services: Services, make: Make, database: str) -> None:
        job = make()
        with writing(services.engine) as connection:
            assert not divide_by_month(connection)
        with writing(services.engine) as connection:
            connection.execute(jobs.delete().where(jobs.c.id == job.id))
            assert divide_by_month(connection)
            assert months_of(connection, "events")
