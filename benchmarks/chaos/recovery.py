"""Measures the time from a fault to the next step of the handler, with a free worker; one fault at a time."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psutil

from benchmarks.chaos import ledger
from benchmarks.chaos.installation import ChaosInstallation
from benchmarks.chaos.interference import POOLS
from webapp.services import Services

_LONGEST = 60.0
_ENDLESS = {"steps": 100_000, "seconds": 0.02, "ends": "cancelled"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and the time in which the job must continue, in seconds."""

    name: str
    goal: float
    inject: Callable[["RecoveryBench"], float]


class RecoveryBench:
    """An installation with two pools of one worker each: one worker is busy, the other is free."""

    def __init__(self, installation: ChaosInstallation, services: Services) -> None:
        self.installation = installation
        self.services = services
        self.job_id = UUID(int=0)
        self.attempt = 0  # the attempt that the fault interrupts
        self.pool = ""

    def measure(self, fault: Fault) -> float:
        """Run a job, inject the fault, and return the seconds until the next step of the job."""
        self.await_workers()
        injected_at = fault.inject(self)
        continued_at = self.next_step()
        self.services.jobs.cancel(self.job_id)
        wait_for(lambda: self.services.jobs.get(self.job_id).is_finished)
        return continued_at - injected_at

    def create(self, *, attempt: int) -> None:
        """Create a long job; the fault will interrupt ``attempt``."""
        self.job_id = self.services.jobs.create_job("chaos_paced", _ENDLESS).id
        self.attempt = attempt

    def begin(self) -> psutil.Process:
        """Start a long job; return the work-horse that runs it."""
        self.create(attempt=1)
        wait_for(lambda: len(ledger.read(self.installation.ledger, self.job_id)) > 3)
        horse: psutil.Process = wait_for(self._horse)
        return horse

    def next_step(self) -> float:
        """Wait for the first step of a later attempt; return its time."""

        def step() -> float | None:
            lines = ledger.read(self.installation.ledger, self.job_id)
            return next((line.at for line in lines if line.attempt > self.attempt and line.what == "step"), None)

        found: float = wait_for(step)
        return found

    def await_workers(self) -> None:
        """Wait until each pool has an idle worker."""
        wait_for(lambda: all(self._listens(pool) for pool in POOLS))

    def _listens(self, pool: str) -> bool:
        idle = {worker.pid for worker in self.services.workers.all() if worker.state == "idle"}
        return any(worker.pid in idle for worker in self.installation.children_of(pool))

    def _horse(self) -> psutil.Process | None:
        for pool in POOLS:
            for worker in self.installation.children_of(pool):
                for horse in worker.children():
                    self.pool = pool
                    return horse
        return None


def kill_horse(bench: RecoveryBench) -> float:
    """Kill the work-horse."""
    return _send_signal(bench.begin(), signal.SIGKILL)


def kill_worker(bench: RecoveryBench) -> float:
    """Kill the worker that runs the job."""
    return _send_signal(bench.begin().parent(), signal.SIGKILL)


def kill_pool(bench: RecoveryBench) -> float:
    """Kill the pool; the installation restarts it at once."""
    bench.begin()
    return _send_signal(bench.installation.process(bench.pool), signal.SIGKILL)


def lose_host(bench: RecoveryBench) -> float:
    """Suspend pool, worker and work-horse, as if their machine were gone; resume them when the job has continued."""
    horse = bench.begin()
    worker = horse.parent()
    pool = bench.installation.process(bench.pool)
    frozen = [one for one in (pool, worker, horse) if one]
    at = time.time()
    for process in frozen:
        process.suspend()
    bench.next_step()
    for process in reversed(frozen):
        process.resume()
    return at


def empty_redis(bench: RecoveryBench) -> float:
    """Kill Redis, create a job, start an empty Redis; return the time from which it responds."""
    bench.installation.stop_redis()
    bench.create(attempt=0)
    time.sleep(1)
    bench.installation.start_redis()
    return time.time()


def faults(lease_seconds: float) -> tuple[Fault, ...]:
    """Return the measure_recovery faults with their goals."""
    return (
        Fault("a killed work-horse", 2.0, kill_horse),
        Fault("a killed worker", 3.0, kill_worker),
        Fault("a killed and restarted pool", 5.0, kill_pool),
        Fault("a lost host", lease_seconds + 5.0, lose_host),
        Fault("an emptied Redis", 3.0, empty_redis),
    )


def _send_signal(process: psutil.Process | None, sig: signal.Signals) -> float:
    assert process is not None
    at = time.time()
    process.send_signal(sig)
    return at


def wait_for(condition: Callable[[], Any]) -> Any:
    """Call ``condition`` until its result is true; return the result."""
    deadline = time.monotonic() + _LONGEST
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            message = f"condition not met after {_LONGEST} seconds"
            raise TimeoutError(message)
        time.sleep(0.01)
