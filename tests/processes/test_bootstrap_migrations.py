"""Migrations run while other processes use the database."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.installation import PATIENCE_SECONDS, Installation, wait_for
from webapp.config import Unready
from webapp.db.engine import reading, writing
from webapp.db.revision import downgrade, expected_revision
from webapp.jobs import DuplicateJob
from webapp.jobs.maintenance.clock_chores import top_up_wake_ups
from webapp.jobs.model.job import Status
from webapp.processes.bootstrap import migrate, migration_lock, upgrade_with_retries
from webapp.processes.preflight import require_tables
from webapp.schema import claimed_keys
from webapp.services import Services

pytestmark = pytest.mark.dialect(both=True)


@pytest.fixture
def other(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def set_revision(engine: Engine, revision: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


@pytest.mark.exhaustive
def test_every_migration_can_be_downgraded_and_upgraded(app: Flask, services: Services, database: str) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    downgrade(services.engine, "0001")
    with pytest.raises(Exception, match=f"but this program needs {expected_revision()}"):
        require_tables(services)
    migrate(services)
    require_tables(services)


@pytest.mark.exhaustive
def test_keys_of_unfinished_jobs_are_claimed_when_their_table_is_made(
    app: Flask, services: Services, database: str
) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    held, ended = (services.jobs.create_system_job("maintenance", unique_key=key) for key in ("held", "ended"))
    services.jobs.cancel(ended.id)
    downgrade(services.engine, "0043")
    migrate(services)
    with reading(services.engine) as connection:
        assert connection.execute(select(claimed_keys.c.key, claimed_keys.c.job_id)).all() == [("held", held.id)]
    with pytest.raises(DuplicateJob):
        services.jobs.create_system_job("maintenance", unique_key="held")


def test_tables_of_a_newer_version_are_refused_in_a_sentence(app: Flask, services: Services, database: str) -> None:
    set_revision(services.engine, "9999")
    for start in (lambda: require_tables(services), lambda: migrate(services)):
        with pytest.raises(Unready, match=r"revision 9999.*A newer version of Deskjob migrated them\. Start"):
            start()
    set_revision(services.engine, expected_revision())
    migrate(services)


def test_only_one_process_migrates_at_a_time(services: Services, other: Engine, tmp_path: Path, database: str) -> None:
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with migration_lock(services.engine, tmp_path):
            inside.set()
            time.sleep(0.5)
            order.append("first")

    def second() -> None:
        inside.wait(PATIENCE_SECONDS)
        with migration_lock(other, tmp_path):
            order.append("second")

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(first), threads.submit(second)]:
            done.result()
    assert order == ["first", "second"]


class TestOnPostgreSQL:
    """SQLite has one writer at a time anyway."""

    @pytest.fixture
    def database(self) -> str:
        return "postgresql"

    def test_a_migration_retries_when_a_table_is_locked(
        self, app: Flask, services: Services, other: Engine, database: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        def release_when_a_migration_waits() -> None:
            wait_for(lambda: "A table was locked for too long" in caplog.text)
            reader.rollback()

        downgrade(app.extensions["deskjob"].engine, "0001")
        with other.begin() as reader:
            reader.execute(text("LOCK TABLE jobs IN ACCESS SHARE MODE"))
            with caplog.at_level(logging.WARNING), ThreadPoolExecutor(1) as threads:
                released = threads.submit(release_when_a_migration_waits)
                migrate(services)
                released.result()
        require_tables(services)

    def test_a_process_that_waits_for_its_turn_has_no_transaction(
        self, services: Services, database_url: str, tmp_path: Path, database: str
    ) -> None:
        """An index that the first process builds would wait for the end of that transaction."""
        second = create_engine(database_url, connect_args={"application_name": "second"})
        state = text("SELECT state FROM pg_stat_activity WHERE application_name = 'second' AND query <> ''")

        def wait() -> None:
            with migration_lock(second, tmp_path):
                pass

        with ThreadPoolExecutor(1) as threads:
            with migration_lock(services.engine, tmp_path):
                waiting = threads.submit(wait)
                with reading(services.engine) as connection:
                    wait_for(lambda: connection.execute(state).scalar() == "idle")
            waiting.result()
        second.dispose()

    def test_other_migration_errors_are_raised_at_once(self, services: Services, database: str) -> None:
        def wrong() -> None:
            with services.engine.connect() as connection:
                connection.execute(text("ALTER TABLE no_such_table ADD COLUMN x integer"))

        with pytest.raises((ProgrammingError, OperationalError)):
            upgrade_with_retries(wrong)


def test_the_previous_release_can_use_the_migrated_tables(
    services: Services, run_jobs: Callable[[], int], database: str
) -> None:
    """Expand, then contract: between the two, old and new programs share the tables."""
    with writing(services.engine) as connection:
        connection.execute(text("ALTER TABLE jobs ADD COLUMN new_figure integer DEFAULT 7 NOT NULL"))
        connection.execute(text("ALTER TABLE attempts ADD COLUMN new_text varchar(10)"))
        connection.execute(text("CREATE TABLE new_table (id integer PRIMARY KEY)"))
    job = services.jobs.create_system_job("job_history_export")
    assert run_jobs() == 1
    assert services.jobs.get(job.id).status is Status.COMPLETED


@pytest.mark.exhaustive
def test_a_worker_starts_no_jobs_while_the_revision_does_not_match(
    installation: Installation,
) -> None:
    set_revision(installation.services.engine, "9999")
    refused = installation.start("worker", "--workers", "1")
    assert refused.wait(PATIENCE_SECONDS) == 2
    assert f"The tables have revision 9999, but this program needs {expected_revision()}." in installation.output
    set_revision(installation.services.engine, expected_revision())
    installation.start("worker", "--workers", "1")
    wait_for(lambda: installation.services.wake_ups.workers_alive("default") == 1)
    set_revision(installation.services.engine, "9999")
    job_id = installation.job("quick")
    wait_for(lambda: f"this program needs {expected_revision()}: no new jobs start" in installation.output)
    assert installation.get(job_id).status is Status.QUEUED
    set_revision(installation.services.engine, expected_revision())

    def woken() -> bool:
        top_up_wake_ups(installation.services.engine, installation.services.wake_ups.top_up)
        return installation.get(job_id).status is Status.COMPLETED

    wait_for(woken)
    assert "new jobs start again" in installation.output
