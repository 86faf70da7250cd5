"""Measures the time from a fault to the next step of the handler, with a free worker; one fault at a time."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import TypeVar
from uuid import UUID

import psutil
from redis import RedisError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from benchmarks.chaos import ledger
from benchmarks.chaos.diagnosis import describe_installation, describe_job
from benchmarks.chaos.installation import ChaosInstallation
from benchmarks.chaos.interference import POOLS
from benchmarks.chaos.pace import Pace
from webapp.db.engine import reading, writing
from webapp.schema import jobs, leases
from webapp.services import Services

T = TypeVar("T")
_LONGEST = 120.0  # seconds; a job that has not continued by then never will
_PATIENCE_SECONDS = 300.0  # for states that are not measured
_MOST_ALLOWANCE = 3.0  # times; most of a recovery is waiting, which no other load makes longer
_TRIES = 5
_STEPS = 3  # that a job does before the fault
_ENDLESS = {"steps": 100_000, "seconds": 0.02, "ends": "cancelled"}


class StateNotReached(Exception):
    """Raised when the installation is not ready for the next fault; `lines` say what it does instead."""

    def __init__(self, message: str, lines: tuple[str, ...]) -> None:
        """Say which state was not reached."""
        super().__init__(message)
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and the time in which the job must continue on an idle machine, in seconds."""

    name: str
    goal: float
    inject: Callable[["RecoveryBench"], float]


@dataclass(frozen=True, slots=True)
class RunningAttempt:
    """The processes that run an attempt of a job, and its fencing token."""

    token: int
    pool: str
    worker: psutil.Process
    horse: psutil.Process


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """After how many seconds a job continued, and the bound; if it was missed, what happened meanwhile."""

    seconds: float
    goal: float
    slowdown: float  # of the machine meanwhile
    lines: tuple[str, ...] = ()

    @property
    def bound(self) -> float:
        """The goal on a machine as slow as this one was."""
        return bound(self.goal, self.slowdown)

    @property
    def is_in_time(self) -> bool:
        """Whether the bound was kept."""
        return self.seconds <= self.bound


class RecoveryBench:
    """An installation with two pools: one worker is busy, others are free."""

    def __init__(self, installation: ChaosInstallation, services: Services, pace: Pace) -> None:
        self.installation = installation
        self.services = services
        self._pace = pace
        self._job_id = UUID(int=0)
        self._token = 0  # of the attempt that the fault interrupts
        self._struck = ""
        self._frozen: list[psutil.Process] = []
        self.afterwards: list[Callable[[], None]] = []  # ends a fault that lasts until the job has continued

    def measure(self, fault: Fault) -> Recovery:
        """Run a job, inject the fault, and measure the time until the next step of the job.

        Once more if the fault missed: on a slow machine, an attempt can end on its own just before.
        """
        for _ in range(_TRIES):
            self._wait_for("each pool has an idle worker", self._is_ready)
            recovery = self._strike(fault)
            self._wait_for("the job is stopped", self._is_stopped)
            if recovery and recovery.seconds >= 0:
                return recovery
        message = f"{fault.name} struck no running attempt in {_TRIES} tries"
        raise StateNotReached(message, self._describe(message))

    def create(self) -> None:
        """Create a long job."""
        self._token, self._struck = 0, "nothing"
        self._job_id = self.services.jobs.create_job("chaos_paced", _ENDLESS).id

    def begin(self) -> RunningAttempt:
        """Start a long job; return the processes that run it."""
        self.create()
        running = self._wait_for("the job runs", self._running_attempt)
        self._token = running.token
        self._struck = f"{running.pool}, worker {running.worker.pid}, work-horse {running.horse.pid}"
        return running

    def freeze(self, *processes: psutil.Process) -> float:
        """Suspend processes until the job has continued; return when.

        None of them may be in the middle of a write: it would keep SQLite locked for all others, which no lost
        machine can. So this process holds the lock meanwhile.
        """
        with writing(self.services.engine):
            at = time.time()
            self._frozen.extend(processes)
            for process in processes:
                process.suspend()
            while any(process.status() != psutil.STATUS_STOPPED for process in processes):
                time.sleep(0.001)
        return at

    def _strike(self, fault: Fault) -> Recovery | None:
        try:
            return self._recover(fault, fault.inject(self))
        except (psutil.NoSuchProcess, DBAPIError):
            return None
        finally:
            self._thaw()
            while self.afterwards:
                self.afterwards.pop()()

    def _is_stopped(self) -> bool:
        """Return whether the job has ended; ask it to stop if not."""
        if not self._job_id.int:
            return True
        job = self.services.jobs.get(self._job_id)
        if not (job.is_finished or job.cancel_requested_at):
            self.services.jobs.cancel_many([job.id])
        return job.is_finished

    def _thaw(self) -> None:
        while self._frozen:
            with suppress(psutil.NoSuchProcess):
                self._frozen.pop().resume()

    def _recover(self, fault: Fault, injected_at: float) -> Recovery:
        lines: tuple[str, ...] = ()
        while (continued_at := self._next_step()) is None:
            waited = time.time() - injected_at
            if not lines and waited > bound(fault.goal, self._pace.slowdown(injected_at)):
                lines = self._describe(f"{waited:.1f} s after {fault.name}")
            if waited > _LONGEST:
                continued_at = inf
                break
            time.sleep(0.01)
        seconds, slowdown = continued_at - injected_at, self._pace.slowdown(injected_at)
        recovery = Recovery(seconds=seconds, goal=fault.goal, slowdown=slowdown)
        if recovery.is_in_time:
            return recovery
        return replace(recovery, lines=(*lines, *self._describe(f"{time.time() - injected_at:.1f} s after it")))

    def _next_step(self) -> float | None:
        """Return the time of the first step of a later attempt."""
        lines = ledger.read(self.installation.ledger, self._job_id)
        return next((line.at for line in lines if line.attempt > self._token and line.what == "step"), None)

    def _running_attempt(self) -> RunningAttempt | None:
        """Return the attempt that runs now; its lease names its worker, which has one work-horse at a time."""
        holder = (
            select(jobs.c.attempt, leases.c.worker_pid)
            .join(leases, leases.c.id == jobs.c.lease_id)
            .where(jobs.c.id == self._job_id)
        )
        with reading(self.services.engine) as connection:
            row = connection.execute(holder).first()
        if row is None or self._steps(row.attempt) < _STEPS:
            return None
        worker = psutil.Process(row.worker_pid)
        pools = [pool for pool in POOLS if worker in self.installation.children_of(pool)]
        horses = worker.children()
        return RunningAttempt(row.attempt, pools[0], worker, horses[0]) if pools and horses else None

    def _steps(self, token: int) -> int:
        lines = ledger.read(self.installation.ledger, self._job_id)
        return sum(line.attempt == token and line.what == "step" for line in lines)

    def _is_ready(self) -> bool:
        idle = {worker.pid for worker in self.services.workers.all() if worker.state == "idle"}
        return all(any(worker.pid in idle for worker in self.installation.children_of(pool)) for pool in POOLS)

    def _wait_for(self, state: str, fact: Callable[[], T | None]) -> T:
        """Wait until a fact is true; return it. It may not be known while a server is away or a process ends."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with suppress(DBAPIError, RedisError, psutil.NoSuchProcess):
                if answer := fact():
                    return answer
            time.sleep(0.01)
        message = f"{state}: not within {_PATIENCE_SECONDS:.0f} s"
        raise StateNotReached(message, self._describe(message))

    def _describe(self, moment: str) -> tuple[str, ...]:
        return (
            f"{moment}; struck: {self._struck}",
            *describe_job(self.services, self.installation, self._job_id),
            *describe_installation(self.services, self.installation),
        )


def bound(goal: float, slowdown: float) -> float:
    """Return the seconds in which a job must continue on a machine that is so many times as slow as an idle one."""
    return goal * min(slowdown, _MOST_ALLOWANCE)


def kill_horse(bench: RecoveryBench) -> float:
    """Kill the work-horse that runs the job."""
    return _kill(bench.begin().horse)


def kill_worker(bench: RecoveryBench) -> float:
    """Kill the worker that runs the job."""
    return _kill(bench.begin().worker)


def kill_pool(bench: RecoveryBench) -> float:
    """Kill the pool of the worker that runs the job; the installation restarts it at once."""
    pool = bench.begin().worker.parent()
    assert pool is not None
    return _kill(pool)


def lose_host(bench: RecoveryBench) -> float:
    """Suspend pool, worker and work-horse until the job has continued, as if their machine were gone."""
    running = bench.begin()
    pool = running.worker.parent()
    assert pool is not None
    return bench.freeze(pool, running.worker, running.horse)


def empty_redis(bench: RecoveryBench) -> float:
    """Kill Redis, create a job, start an empty Redis; return the time from which it responds."""
    bench.installation.stop_redis()
    bench.create()
    time.sleep(1)
    bench.installation.start_redis()
    return time.time()


def faults(lease_seconds: float) -> tuple[Fault, ...]:
    """Return the faults that are measured, with their goals."""
    return (
        Fault("a killed work-horse", 2.0, kill_horse),
        Fault("a killed worker", 3.0, kill_worker),
        Fault("a killed and restarted pool", 5.0, kill_pool),
        Fault("a lost host", lease_seconds + 5.0, lose_host),
        Fault("an emptied Redis", 3.0, empty_redis),
    )


def _kill(process: psutil.Process) -> float:
    at = time.time()
    process.send_signal(signal.SIGKILL)
    return at
