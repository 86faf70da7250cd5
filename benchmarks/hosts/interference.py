"""The faults of networks and hosts: links that are cut or narrow, and hosts that are lost."""

import random
import threading
import time
from collections.abc import Callable, Mapping

from benchmarks.chaos.interference import Injection
from benchmarks.hosts.installation import HostInstallation
from benchmarks.hosts.network import Host
from benchmarks.hosts.servers import PLACES, SERVERS

_WORKERS = ("first", "second")
_KILOBITS = (128, 512)  # in a second: a page or the heartbeats of a few workers


class NetworkInterference:
    """Each fault lasts for a part of a lease, or for longer than one, while others begin; one at a time for a host."""

    def __init__(self, installation: HostInstallation, rng: random.Random, *, lease_seconds: float) -> None:
        self._installation = installation
        self._rng = rng
        self._lease_seconds = lease_seconds
        self._last: dict[str, threading.Thread] = {}  # fault, by host

    @property
    def faults(self) -> Mapping[str, Injection]:
        """What can be injected."""
        return {
            "cut the link of a worker host": lambda: self._cut(*_WORKERS),
            "cut the link of a server": lambda: self._cut(*SERVERS),
            "cut the link of the web host": lambda: self._cut("web"),
            "narrow a link": lambda: self._narrow(*SERVERS, *PLACES),
            "lose a worker host": lambda: self._lose(*_WORKERS),
            "lose the host of a server": lambda: self._lose(*SERVERS),
            "lose the web host": lambda: self._lose("web"),
            "restart PostgreSQL": self._restart_postgresql,
        }

    def await_end(self) -> None:
        """Return when every host is back and every link is up and wide."""
        for thread in self._last.values():
            thread.join()

    def _cut(self, *names: str) -> bool:
        return self._disturb(names, lambda host: host.cut(), lambda host: host.join())

    def _narrow(self, *names: str) -> bool:
        kilobits = self._rng.randint(*_KILOBITS)
        return self._disturb(names, lambda host: host.slow_down(kilobits), lambda host: host.speed_up())

    def _lose(self, *names: str) -> bool:
        return self._disturb(names, self._installation.take_away, self._installation.give_back)

    def _restart_postgresql(self) -> bool:
        self._installation.restart_postgresql(self._rng.uniform(0, 1))
        return True

    def _disturb(self, names: tuple[str, ...], begin: Callable[[Host], None], end: Callable[[Host], None]) -> bool:
        host = self._installation.cluster.hosts[self._rng.choice(names)]
        short, long = self._rng.uniform(0.05, 0.5), self._rng.uniform(1.3, 1.8)
        seconds = self._lease_seconds * self._rng.choice((short, long))
        if (last := self._last.get(host.name)) and last.is_alive():
            return False

        def run() -> None:
            begin(host)
            time.sleep(seconds)
            end(host)

        self._last[host.name] = threading.Thread(target=run, name=f"fault of {host.name}", daemon=True)
        self._last[host.name].start()
        return True
