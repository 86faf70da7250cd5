"""The programs of the chaos test on hosts: a pool and a scheduler on each of two, the web server on a third."""

import subprocess
import threading
import time
from typing import Any

from benchmarks.chaos.installation import ChaosInstallation
from benchmarks.hosts.network import Host
from benchmarks.hosts.servers import Cluster

_PLACES = {"pool-1": "first", "clock-1": "first", "pool-2": "second", "clock-2": "second", "web": "web"}
_PORT = 8000
_POLL_SECONDS = 0.05


class HostInstallation(ChaosInstallation):
    """Each host has a data folder of its own, and can be taken away and given back."""

    def __init__(self, cluster: Cluster, *, lease_seconds: float, workers: int = 2) -> None:
        settings: dict[str, Any] = cluster.settings
        super().__init__(
            cluster.folder, settings.pop("database_url"), lease_seconds=lease_seconds, workers=workers, **settings
        )
        self.cluster = cluster
        self.address = f"http://{cluster.hosts['web'].address}:{_PORT}"
        self._commands["web"] = ("web", "--host", "0.0.0.0", "--port", str(_PORT), "--processes", "1")
        self._power = threading.RLock()  # no program starts on a host while it is switched

    def host_of(self, program: str) -> Host:
        """Return the host on which a program runs."""
        return self.cluster.hosts[_PLACES[program]]

    def take_away(self, host: Host) -> None:
        """Kill everything on a host, and let its address vanish."""
        with self._power:
            host.switch_off()

    def give_back(self, host: Host) -> None:
        """Bring a host back with what ran on it; its programs are restarted."""
        with self._power:
            host.switch_on()
            self._start_server(host.name)

    def restart_postgresql(self, pause: float) -> None:
        """Crash PostgreSQL, and start it again after a pause."""
        self.cluster.postgresql.crash()
        time.sleep(pause)
        while not self._is_on("database"):
            time.sleep(_POLL_SECONDS)
        with self._power:
            self._start_server("database")

    def _start_server(self, name: str) -> None:
        """Start the server of a host, unless it has just been started by another fault that is over."""
        if name == "database":
            self.cluster.postgresql.start()
        elif name == "redis":
            self._running["redis"] = self._start_valkey()
        elif name == "storage":
            self.cluster.hosts[name].call(self.cluster.storage.start)

    def _start_valkey(self) -> "subprocess.Popen[bytes]":
        while not self._is_on("redis"):
            time.sleep(_POLL_SECONDS)
        with self._power:
            running = self._running.get("redis")
            return running if running and running.poll() is None else self.cluster.valkey.start()

    def _responds(self) -> bool:
        return self.cluster.valkey.answers()

    def _is_on(self, name: str) -> bool:
        with self._power:
            return self.cluster.hosts[name].is_on

    def _restart_if_ended(self, name: str) -> None:
        with self._power:
            if self.host_of(name).is_on:
                super()._restart_if_ended(name)

    def _start_program(self, name: str) -> "subprocess.Popen[bytes]":
        host = self.host_of(name)
        own = {**self._environment, "DESKJOB_DATA_DIR": str(self.folder / host.name)}
        with (self.folder / f"{name}.log").open("ab") as log:
            return host.start(*self._command(name), environment=own, output=log)
