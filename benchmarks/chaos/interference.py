"""The hand: strikes at random, from a seed, until it is told to stop."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

from benchmarks.chaos.installation import House

Strike = Callable[[], bool]
POOLS, CLOCKS = ("pool-1", "pool-2"), ("clock-1", "clock-2")


class Hand:
    """Strikes processes, Redis, and whatever the database can be struck with; counts by kind."""

    def __init__(
        self, house: House, dice: random.Random, *, lease_seconds: float, database: Mapping[str, Strike]
    ) -> None:
        self.struck: Counter[str] = Counter()
        self._house = house
        self._dice = dice
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        kinds = [self.kill_horse] * 6 + [self.kill_worker] * 4 + [self.kill_pool, self.kill_clock, self.kill_web]
        self._strikes: list[tuple[str, Strike]] = [
            *((kind.__name__.replace("_", " "), kind) for kind in [*kinds, self.freeze, self.freeze, self.empty_redis]),
            *database.items(),
        ]

    def strike(self, pause: float) -> None:
        """Strike again and again, about every ``pause`` seconds, until `stop`."""
        while not self._over.wait(pause * self._dice.uniform(0.5, 1.5)):
            name, act = self._dice.choice(self._strikes)
            with suppress(psutil.NoSuchProcess):
                if act():
                    self.struck[name] += 1

    def stop(self) -> None:
        """Strike no more; a strike that was begun is finished."""
        self._over.set()

    def kill_horse(self) -> bool:
        """Kill a work-horse."""
        horses = [horse for worker in self._workers() for horse in _children(worker)]
        return _kill(self._dice.choice(horses)) if horses else False

    def kill_worker(self) -> bool:
        """Kill a worker; its horse dies with it."""
        workers = self._workers()
        return _kill(self._dice.choice(workers)) if workers else False

    def kill_pool(self) -> bool:
        """Kill a pool."""
        return self._kill_program(self._dice.choice(POOLS))

    def kill_clock(self) -> bool:
        """Kill a clock."""
        return self._kill_program(self._dice.choice(CLOCKS))

    def kill_web(self) -> bool:
        """Kill the pages' master, or the process that serves them."""
        servers = self._house.below("web")
        return _kill(servers[0]) if servers and self._dice.random() < 0.5 else self._kill_program("web")

    def freeze(self) -> bool:
        """Stop a worker and its horse for a while, half of the time for longer than its lease; then let both go on."""
        workers = self._workers()
        if not workers:
            return False
        worker = self._dice.choice(workers)
        frozen = [worker, *_children(worker)]
        seconds = self._lease_seconds * self._dice.choice((self._dice.uniform(0.05, 0.5), self._dice.uniform(1.3, 1.8)))
        threading.Thread(target=_freeze, args=(frozen, seconds), daemon=True).start()
        return True

    def empty_redis(self) -> bool:
        """Kill Redis, and start an empty one after a moment."""
        self._house.stop_redis()
        time.sleep(self._dice.uniform(0, 1))
        self._house.start_redis()
        return True

    def _workers(self) -> list[psutil.Process]:
        return [worker for pool in POOLS for worker in self._house.below(pool)]

    def _kill_program(self, name: str) -> bool:
        process = self._house.process(name)
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
