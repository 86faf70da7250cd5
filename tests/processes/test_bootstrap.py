import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import create_engine, inspect, make_url, text

from tests.databases import create_database, drop_database, in_database
from webapp.accounts.user import Role
from webapp.config import BadSettingError, Settings, Unready, load
from webapp.db.engine import engine_options, reading
from webapp.jobs.maintenance.month_partitions import months_of_jobs
from webapp.processes.bootstrap import first_admin, migrate
from webapp.processes.preflight import require_tables
from webapp.services import Services


def services_of(settings: Settings) -> Services:
    return Services(settings, create_engine(settings.database, **engine_options(settings.database)))


def test_an_empty_folder_becomes_an_installation(tmp_path: Path) -> None:
    services = services_of(load(data_dir=tmp_path / "new" / "var", secret_key="k" * 32))
    with pytest.raises(Exception, match="There is no database at"):
        require_tables(services)
    migrate(services)
    require_tables(services)
    migrate(services)
    assert {"jobs", "users"} <= set(inspect(services.engine).get_table_names())
    services.engine.dispose()


_MIGRATE_APART = """
import sys
from tests.processes.test_bootstrap import migrate, require_tables, services_of
from webapp.config import load
services = services_of(load(data_dir=sys.argv[1], database_url=sys.argv[2], secret_key="k" * 32))
for _ in range(2):
    migrate(services, apart=True)
    require_tables(services)
print("alembic" in sys.modules)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_tables_can_be_migrated_apart(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    url = "" if kind == "sqlite" else request.getfixturevalue("empty_database")
    command = [sys.executable, "-c", _MIGRATE_APART, str(tmp_path), url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False", "the library of migrations would stay in memory"


def test_a_file_that_is_not_a_database_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "deskjob.sqlite3").write_bytes(b"nothing" * 1000)
    services = services_of(load(data_dir=tmp_path, secret_key="k" * 32))
    with pytest.raises(
        Unready, match=r"file is not a database. Restore it from a backup, move it away to start with an empty one"
    ):
        migrate(services)


def test_a_damaged_database_is_refused(tmp_path: Path, sqlite_template: Path) -> None:
    data = bytearray(sqlite_template.read_bytes())
    data[4096::4] = b"\xff" * len(data[4096::4])
    (tmp_path / "deskjob.sqlite3").write_bytes(bytes(data))
    services = services_of(load(data_dir=tmp_path, secret_key="k" * 32))
    with pytest.raises(Unready, match=r"deskjob.sqlite3 cannot be used: .*\. Restore it"):
        migrate(services)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_store_all_letters_is_refused(
    tmp_path: Path, postgresql_server: str, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    server = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"))
        url = make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
        with pytest.raises(Unready, match=f"its encoding is {encoding}, not UTF8. Create it again: CREATE DATABASE"):
            migrate(services_of(load(data_dir=tmp_path, secret_key="k" * 32, database_url=url)))
        connection.execute(text(f"DROP DATABASE {name}"))
    server.dispose()


@pytest.fixture
def empty_database(postgresql_server: str) -> Iterator[str]:
    """Return the URL of a database without tables."""
    create_database(postgresql_server, "without_tables")
    yield in_database(postgresql_server, "without_tables")
    drop_database(postgresql_server, "without_tables")


def by_month(tmp_path: Path, url: str) -> Services:
    settings = load(data_dir=tmp_path, secret_key="k" * 32, database_url=url, database_partitions="month")
    return services_of(settings)


def test_a_new_installation_on_postgresql_can_have_partitions(tmp_path: Path, empty_database: str) -> None:
    services = by_month(tmp_path, empty_database)
    migrate(services)
    migrate(services)
    require_tables(services)
    job = services.jobs.create_system_job("maintenance")
    migrate(services)
    assert services.pruner.months.exist
    with reading(services.engine) as connection:
        month = months_of_jobs(connection)[0]
        assert connection.execute(text(f"SELECT id FROM jobs_{month}")).scalar() == job.id
    services.engine.dispose()


def test_an_installation_with_jobs_keeps_its_tables_and_says_so(tmp_path: Path, empty_database: str) -> None:
    services = services_of(load(data_dir=tmp_path, secret_key="k" * 32, database_url=empty_database))
    migrate(services)
    services.jobs.create_system_job("maintenance")
    with pytest.raises(BadSettingError, match=r"is for new installations, and this one has jobs .* Unset it; or make"):
        migrate(by_month(tmp_path, empty_database))
    assert not services.pruner.months.exist
    services.engine.dispose()


def test_sqlite_has_no_partitions(tmp_path: Path) -> None:
    with pytest.raises(BadSettingError, match="DESKJOB_DATABASE_PARTITIONS needs PostgreSQL"):
        migrate(by_month(tmp_path, ""))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    services = services_of(load(data_dir=tmp_path / "file" / "var", secret_key="k" * 32))
    with pytest.raises(BadSettingError, match=r"DESKJOB_DATA_DIR cannot be used .*Not a directory"):
        migrate(services)
    with pytest.raises(BadSettingError, match=r"DESKJOB_DATA_DIR cannot be used .*Not a directory"):
        services_of(load(data_dir=tmp_path / "file" / "var"))


def test_the_first_admin_is_created_once_with_a_generated_password(app: Flask, services: Services) -> None:
    password = first_admin(services)
    assert password is not None
    assert len(password) >= 16
    assert services.accounts.authenticate("admin", password).role is Role.ADMIN
    assert first_admin(services) is None


def test_a_configured_password_is_used_and_not_shown(app: Flask, services: Services) -> None:
    services.settings = services.settings.model_copy(update={"admin_password": SecretStr("a calm long password")})
    assert first_admin(services) is None
    assert services.accounts.authenticate("admin", "a calm long password") is not None


def test_a_configured_password_that_is_easy_to_guess_is_refused(app: Flask, services: Services) -> None:
    services.settings = services.settings.model_copy(update={"admin_password": SecretStr("passwordpassword")})
    with pytest.raises(BadSettingError, match=r"^DESKJOB_ADMIN_PASSWORD cannot be used: This password is too easy"):
        first_admin(services)
    assert services.accounts.is_empty()
