"""An installation whose processes can break at any point: a pool, a clock, and a client that creates jobs.

They are real processes, but forks of the test's process, so that they start at once.
"""

import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil
from redis import RedisError
from sqlalchemy import Engine, create_engine, delete

from tests.faults import fault_job_types
from tests.installation import PATIENCE_SECONDS, wait_for
from tests.shared_caches import share_statements
from tests.wrong_clock import wrong_clock
from webapp import fault_injection
from webapp.config import load
from webapp.db.engine import engine_options, forget_inherited_connections, writing
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.registry import Registry
from webapp.jobs.execution.leases import Holder
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.os_process import die_with_parent
from webapp.processes import pool
from webapp.processes.clock import Clock
from webapp.processes.worker import run, settle_dead_workers, settle_worker
from webapp.schema import flows, jobs, leases
from webapp.services import Services

LEASE_SECONDS = 2.0
# Where no lease may expire, however slow the machine is
LONG_LEASE_SECONDS = 20.0
TICK_SECONDS = 0.1
LINGER_SECONDS = 0.3  # long enough for a wake-up that is on its way
THAW_SECONDS = 0.2
QUEUE = "default"


class FaultyInstallation:
    """Call `keep_running` repeatedly: it restarts the processes that ended, as an operator would."""

    def __init__(self, services: Services, folder: Path, worker_count: int) -> None:
        self.services = services
        self.skews = {"pool": timedelta(0), "clock": timedelta(0)}  # of the clocks of these processes
        self._worker_count = worker_count
        self.faults = folder / "faults"
        self.faults.mkdir()
        self.output = folder / "output"
        self.children: dict[str, psutil.Process] = {}
        self._next_thaw = 0.0

    def arm_fault(self, point: str, action: str) -> Callable[[], bool]:
        """Break the next process that reaches ``point``; return a function that tells whether one did."""
        (self.faults / point).write_text(action)
        return (self.faults / (point + fault_injection.STRUCK)).exists

    def compile_statements(self) -> None:
        """Run one job and one tick here, so that every fork inherits the compiled statements."""
        services, pid = self.services, psutil.Process().pid
        name = next(iter(services.registry)).name
        job = services.jobs.create_job(name, {"marks": str(self.output)}, queue=QUEUE)
        lease_id = services.leases.open(Holder(worker="warm-up", host="here", boot_id="now", pid=pid), QUEUE)
        services.work_horse().drain(QUEUE, lease_id, AttemptLocation(worker="warm-up", host="here", pid=pid))
        services.leases.settle(lease_id, why="The warm-up ended.")
        Clock(services).tick()
        services.jobs.delete(job.id)  # with its file
        self.clear()
        services.wake_ups.connection.flushdb()

    def keep_running(self) -> None:
        for name, work in {"pool": self._run_pool, "clock": self._run_clock}.items():
            if name not in self.children or _has_ended(self.children[name]):
                self.children[name] = psutil.Process(self.fork(partial(_run_skewed, self.skews[name], work)))
        if monotonic() >= self._next_thaw:  # it looks at every process of the machine
            self._thaw_workers_without_lease()
            self._next_thaw = monotonic() + THAW_SECONDS

    def workers(self) -> list[psutil.Process]:
        return _children(self.children["pool"])

    def fork(self, work: Callable[[], Any]) -> int:
        """Call ``work`` in its own process, in which faults are armed; return its pid."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            die_with_parent(parent)
            os.setpgrp()
            os.dup2(os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
            forget_inherited_connections(self.services.engine)
            fault_injection.arm(self.faults)
            work()
        except BaseException:  # noqa: BLE001  (a fork must not come back to pytest)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def wait_for(self, fact: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until the fact holds, and keep the processes running meanwhile."""

        def fact_with_running_processes() -> Any:
            self.keep_running()
            return fact()

        return wait_for(fact_with_running_processes, seconds)

    def clear(self) -> None:
        for file in self.faults.iterdir():
            file.unlink()
        with writing(self.services.engine) as connection:
            connection.execute(delete(jobs))
            connection.execute(delete(flows))

    def close(self) -> None:
        for child in self.children.values():
            for process in [*_children(child), child]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            with suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
        with suppress(RedisError):
            self.services.wake_ups.connection.flushdb()

    def _run_pool(self) -> None:
        pool._YOUNG_SECONDS = 0.0  # many workers die young here, and none of them dies twice
        services = self.services
        settle_dead_workers(services)
        work, settle = (lambda name: run(services, name, [QUEUE])), (lambda name: settle_worker(services, name))
        pool.Pool(self._worker_count, work=work, settle=settle, grace_seconds=1).run()

    def _run_clock(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        clock = Clock(self.services)
        while True:
            clock.tick()
            sleep(TICK_SECONDS)

    def _thaw_workers_without_lease(self) -> None:
        """Resume a frozen worker once its lease has expired; it must do no harm then."""
        for worker in _children(self.children["pool"]):
            with suppress(psutil.NoSuchProcess):
                if worker.status() == psutil.STATUS_STOPPED and not self.services.leases.beats():
                    for process in [*worker.children(), worker]:
                        process.resume()


@contextmanager
def faulty_installation(
    database_url: str,
    valkey_url: str,
    folder: Path,
    *,
    workers: int = 1,
    lease_seconds: float = LEASE_SECONDS,
    only_short_jobs: bool = False,
    more_types: Sequence[JobType] = (),
) -> Iterator[FaultyInstallation]:
    settings = load(data_dir=folder, database_url=database_url, redis_url=valkey_url, secret_key="k" * 32)
    registry = Registry()
    trials = (fault_job_types.again, fault_job_types.once, fault_job_types.briefly, fault_job_types.each_time)
    trials = (*trials, fault_job_types.of_a_flow, *more_types)
    for job_type in (fault_job_types.in_group,) if only_short_jobs else trials:  # a limit of one type keeps all alone
        registry.add(job_type)
    engine = _engine(settings.database)
    short = {"lease_seconds": lease_seconds, "stop_grace_seconds": 1.0, "horse_linger_seconds": LINGER_SECONDS}
    short_lease = settings.model_copy(update=short)
    installation = FaultyInstallation(Services(short_lease, engine, registry=registry), folder, workers)
    installation.compile_statements()
    try:
        yield installation
    finally:
        installation.close()
        with writing(engine) as connection:
            connection.execute(delete(leases))
        engine.dispose()


def _run_skewed(skew: timedelta, work: Callable[[], Any]) -> None:
    with wrong_clock(skew) if skew else nullcontext():
        work()


def _engine(url: str) -> Engine:
    engine = create_engine(url, **engine_options(url))
    share_statements(engine)
    return engine


def _has_ended(child: psutil.Process) -> bool:
    pid, _ = os.waitpid(child.pid, os.WNOHANG)
    return pid != 0


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children()
    return []
