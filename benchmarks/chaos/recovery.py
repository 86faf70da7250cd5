"""How long it takes from a fault to the handler's next step, with a free worker: one fault at a time."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psutil

from benchmarks.chaos import ledger
from benchmarks.chaos.installation import House
from benchmarks.chaos.interference import POOLS
from webapp.services import Services

_LONGEST = 60.0
_ENDLESS = {"steps": 100_000, "seconds": 0.02, "ends": "cancelled"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and how soon the job must go on, in seconds."""

    name: str
    goal: float
    strike: Callable[["Bench"], float]


class Bench:
    """A house with two pools of one worker each: one works, the other one is free."""

    def __init__(self, house: House, services: Services) -> None:
        self.house = house
        self.services = services
        self.job_id = UUID(int=0)
        self.attempt = 0  # that the fault strikes
        self.pool = ""

    def measure(self, fault: Fault) -> float:
        """Let a job run, strike, and return the seconds until its next step."""
        self.await_workers()
        struck_at = fault.strike(self)
        went_on = self.next_step()
        self.services.jobs.cancel(self.job_id)
        wait_for(lambda: self.services.jobs.get(self.job_id).is_finished)
        return went_on - struck_at

    def create(self, *, attempt: int) -> None:
        """Make a long job, of which ``attempt`` will be struck."""
        self.job_id = self.services.jobs.create_job("chaos_paced", _ENDLESS).id
        self.attempt = attempt

    def begin(self) -> psutil.Process:
        """Start a long job; return the work-horse that runs it."""
        self.create(attempt=1)
        wait_for(lambda: len(ledger.read(self.house.ledger, self.job_id)) > 3)
        horse: psutil.Process = wait_for(self._horse)
        return horse

    def next_step(self) -> float:
        """Wait for the first step of a later attempt; return its moment."""

        def step() -> float | None:
            lines = ledger.read(self.house.ledger, self.job_id)
            return next((line.at for line in lines if line.attempt > self.attempt and line.what == "step"), None)

        found: float = wait_for(step)
        return found

    def await_workers(self) -> None:
        """Wait until a worker of each pool listens."""
        wait_for(lambda: all(self._listens(pool) for pool in POOLS))

    def _listens(self, pool: str) -> bool:
        idle = {worker.pid for worker in self.services.workers.all() if worker.state == "idle"}
        return any(worker.pid in idle for worker in self.house.below(pool))

    def _horse(self) -> psutil.Process | None:
        for pool in POOLS:
            for worker in self.house.below(pool):
                for horse in worker.children():
                    self.pool = pool
                    return horse
        return None


def kill_horse(bench: Bench) -> float:
    """Kill the work-horse."""
    return _struck(bench.begin(), signal.SIGKILL)


def kill_worker(bench: Bench) -> float:
    """Kill the worker that runs it."""
    return _struck(bench.begin().parent(), signal.SIGKILL)


def kill_pool(bench: Bench) -> float:
    """Kill the pool; the house starts it again at once."""
    bench.begin()
    return _struck(bench.house.process(bench.pool), signal.SIGKILL)


def vanish(bench: Bench) -> float:
    """Freeze the pool, its worker and its horse, as if their machine had gone; let go when the job went on."""
    horse = bench.begin()
    worker = horse.parent()
    pool = bench.house.process(bench.pool)
    frozen = [one for one in (pool, worker, horse) if one]
    at = time.time()
    for process in frozen:
        process.suspend()
    bench.next_step()
    for process in reversed(frozen):
        process.resume()
    return at


def empty_redis(bench: Bench) -> float:
    """Kill Redis, create a job while it is away, start an empty one; time runs from when it answers."""
    bench.house.stop_redis()
    bench.create(attempt=0)
    time.sleep(1)
    bench.house.start_redis()
    return time.time()


def faults(lease_seconds: float) -> tuple[Fault, ...]:
    """Return every kind that is measured, with its goal."""
    return (
        Fault("a killed work-horse", 2.0, kill_horse),
        Fault("a killed worker", 3.0, kill_worker),
        Fault("a killed and restarted pool", 5.0, kill_pool),
        Fault("a vanished host", lease_seconds + 5.0, vanish),
        Fault("an emptied Redis", 3.0, empty_redis),
    )


def _struck(process: psutil.Process | None, sig: signal.Signals) -> float:
    assert process is not None
    at = time.time()
    process.send_signal(sig)
    return at


def wait_for(fact: Callable[[], Any]) -> Any:
    """Ask again and again until the answer is true; return it."""
    deadline = time.monotonic() + _LONGEST
    while True:
        if answer := fact():
            return answer
        if time.monotonic() > deadline:
            message = f"still not so after {_LONGEST} seconds"
            raise TimeoutError(message)
        time.sleep(0.01)
