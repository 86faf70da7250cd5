"""Jobs of 5 ms that one `create_many` makes for 1, 2 and 4 idle workers, without a clock: the rate by workers."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import func, select

from benchmarks.installation import installed
from benchmarks.rounds import Spread
from webapp.jobs.model.job import Status
from webapp.os_process import die_with_parent
from webapp.processes.worker import run
from webapp.schema import jobs
from webapp.services import Services

WORKERS = (1, 2, 4)
JOB_SECONDS = 0.005
_POLL_SECONDS = 0.005
_PATIENCE_SECONDS = 60.0


def rates(kind: str, redis: str, *, count: int, rounds: int) -> dict[int, Spread]:
    """Return the jobs per second by number of workers; the numbers take turns."""
    found: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    with installed(kind, redis, "benchmarks.pause") as services:
        for _ in range(rounds):
            for workers, measured in found.items():
                with _workers(services, workers):
                    measured.append(_rate(services, count))
                print(f"  {kind}, {workers} workers: {measured[-1]:,.0f} jobs of 5 ms per second", flush=True)
    return {workers: Spread(tuple(measured)) for workers, measured in found.items()}


def _rate(services: Services, count: int) -> float:
    before = _completed(services)
    began = time.perf_counter()
    services.jobs.create_many("pause", [{"seconds": JOB_SECONDS}] * count)
    _await(lambda: _completed(services) == before + count)
    return count / (time.perf_counter() - began)


def _completed(services: Services) -> int:
    with services.engine.connect() as connection:
        return connection.execute(
            select(func.count()).select_from(jobs).where(jobs.c.status == Status.COMPLETED.value)
        ).scalar_one()


@contextmanager
def _workers(services: Services, count: int) -> Iterator[None]:
    """Run workers; each has run a job and waits for the next one."""
    services.engine.dispose()
    parent, pids = os.getpid(), []
    for _ in range(count):
        if not (pid := os.fork()):
            die_with_parent(parent, signal.SIGTERM)
            run(services, uuid4().hex, ["default"])
            os._exit(0)
        pids.append(pid)
    try:
        _await(lambda: services.wake_ups.workers_alive("default") == count)
        _rate(services, 4 * count)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        for pid in pids:
            os.waitpid(pid, 0)


def _await(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not fact():
        if time.monotonic() > deadline:
            message = "the workers did not run all jobs"
            raise RuntimeError(message)
        time.sleep(_POLL_SECONDS)
