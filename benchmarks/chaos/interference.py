"""Injects random faults from a seed until it is stopped."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

from benchmarks.chaos.installation import ChaosInstallation

Injection = Callable[[], bool]
POOLS, CLOCKS = ("pool-1", "pool-2"), ("clock-1", "clock-2")


class FaultInjector:
    """Injects faults into processes, Redis and the database, and counts them by kind."""

    def __init__(
        self,
        installation: ChaosInstallation,
        rng: random.Random,
        *,
        lease_seconds: float,
        others: Mapping[str, Injection],
    ) -> None:
        self.injected: Counter[str] = Counter()
        self.history: list[tuple[float, str]] = []  # when, and what
        self._installation = installation
        self._rng = rng
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        kinds = [self.kill_horse] * 6 + [self.kill_worker] * 4 + [self.kill_pool, self.kill_clock, self.kill_web]
        self._faults: list[tuple[str, Injection]] = [
            *((kind.__name__.replace("_", " "), kind) for kind in [*kinds, self.freeze, self.freeze, self.empty_redis]),
            *others.items(),
        ]

    def inject(self, pause: float) -> None:
        """Inject a fault about every ``pause`` seconds until `stop`."""
        while not self._over.wait(pause * self._rng.uniform(0.5, 1.5)):
            name, act = self._rng.choice(self._faults)
            at = time.time()
            try:
                if act():
                    self.injected[name] += 1
                    self.history.append((at, name))
            except psutil.NoSuchProcess:
                continue  # it has ended on its own
            except Exception as error:  # noqa: BLE001  (the others go on; the report shows this one)
                self.history.append((at, f"{name}, which failed with {error!r},"))

    def stop(self) -> None:
        """Inject no more faults; one in progress is finished."""
        self._over.set()

    def kill_horse(self) -> bool:
        """Kill a work-horse."""
        horses = [horse for worker in self._workers() for horse in _children(worker)]
        return _kill(self._rng.choice(horses)) if horses else False

    def kill_worker(self) -> bool:
        """Kill a worker; its work-horse dies with it."""
        workers = self._workers()
        return _kill(self._rng.choice(workers)) if workers else False

    def kill_pool(self) -> bool:
        """Kill a pool."""
        return self._kill_program(self._rng.choice(POOLS))

    def kill_clock(self) -> bool:
        """Kill a scheduler."""
        return self._kill_program(self._rng.choice(CLOCKS))

    def kill_web(self) -> bool:
        """Kill the web server's master or its child process."""
        servers = self._installation.children_of("web")
        return _kill(servers[0]) if servers and self._rng.random() < 0.5 else self._kill_program("web")

    def freeze(self) -> bool:
        """Suspend a worker and its work-horse, in half of the cases for longer than its lease; then resume both."""
        workers = self._workers()
        if not workers:
            return False
        worker = self._rng.choice(workers)
        frozen = [worker, *_children(worker)]
        seconds = self._lease_seconds * self._rng.choice((self._rng.uniform(0.05, 0.5), self._rng.uniform(1.3, 1.8)))
        threading.Thread(target=_freeze, args=(frozen, seconds), daemon=True).start()
        return True

    def empty_redis(self) -> bool:
        """Kill Redis, and start an empty one after a moment."""
        self._installation.stop_redis()
        time.sleep(self._rng.uniform(0, 1))
        self._installation.start_redis()
        return True

    def _workers(self) -> list[psutil.Process]:
        return [worker for pool in POOLS for worker in self._installation.children_of(pool)]

    def _kill_program(self, name: str) -> bool:
        process = self._installation.process(name)
        return _kill(process) if process else False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children())
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> bool:
    process.send_signal(signal.SIGKILL)
    return True


def _freeze(processes: list[psutil.Process], seconds: float) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    time.sleep(seconds)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()
