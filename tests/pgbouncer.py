"""PgBouncer in transaction mode in front of a test's PostgreSQL: each transaction can get another connection."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from sqlalchemy import make_url

from tests.installation import free_port, wait_for
from webapp.os_process import die_with_parent

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONNECTIONS = 3  # to the server: fewer than clients, so that transactions share them
_CONFIGURATION = """
[databases]
* = host={host}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {connections}
server_round_robin = 1
server_login_retry = 1
logfile = {folder}/pgbouncer.log
admin_users = {user}
"""


class PgBouncer:
    """A pooler that can be killed and started again; ``url`` leads to the database ``name`` through it."""

    def __init__(self, server: str, role: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dj-bouncer-"))
        self._port = free_port()
        self._role = role
        self._socket_folder = str(make_url(server).query["host"])
        self._configure()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://{self._role}@127.0.0.1:{self._port}/{name}"

    def start(self) -> None:
        """Start the pooler and wait until it accepts connections."""
        parent = os.getpid()
        # it does not run as root; the user of the server may open its socket
        as_user = [] if os.getuid() else ["-u", Path(self._socket_folder).owner()]
        self._process = subprocess.Popen(
            [PGBOUNCER or "", *as_user, self._folder / "pgbouncer.ini"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: die_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509  (it must end with the tests)
        )
        wait_for(self._accepts)

    def kill(self) -> None:
        """End the pooler at once; its clients lose their connections."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End the pooler and delete its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What the pooler has logged."""
        return (self._folder / "pgbouncer.log").read_text()

    def _configure(self) -> None:
        self._folder.chmod(0o777)
        (self._folder / "users.txt").write_text(f'"{self._role}" ""\n')
        text = _CONFIGURATION.format(
            host=self._socket_folder,
            port=self._port,
            folder=self._folder,
            connections=CONNECTIONS,
            user=self._role,
        )
        (self._folder / "pgbouncer.ini").write_text(text)

    def _accepts(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False
