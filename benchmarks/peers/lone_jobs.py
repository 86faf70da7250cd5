"""Jobs that come alone: how long each waits for its idle worker, what it costs, and how many start per second.

Uses the standard library only, and /proc for the CPU time of processes that run.
"""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from webapp.os_process import die_with_parent

PATIENCE_SECONDS = 60.0  # for a worker that does not run its job at all
_WARM_UP = 12  # of a worker that has run for a while: PostgreSQL has a plan of each statement after ten
_POLL_SECONDS = 0.0005
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_TIMES = slice(11, 15)  # in /proc/…/stat behind the name: its own times, and those of the children it waited for
Create = Callable[[str], Callable[[], bool]]


def figures(work: Callable[[], object], create: Create, count: int, pause: float, seconds: float) -> dict[str, Any]:
    """Run a worker in a fork and create jobs for it, one by one.

    First ``count`` jobs, each ``pause`` seconds after the end of the last one: returns their ``waits`` in seconds,
    from just before a job is created to its first line, and the seconds of ``cpu`` of the worker and all of its
    processes per job, without what an idle worker needs in that time. Then, for some ``seconds``, jobs that follow
    each other at once: returns how many of them per second, the ``rate``. ``create`` gets the address for
    `jobs.report_first_line`, and returns a function that tells whether the job has ended.
    """
    with _reports() as (address, reports), _forked(work) as worker:

        def run_one() -> float:
            began = time.monotonic()
            has_ended = create(address)
            first_line = float(reports.recv(64))
            while not has_ended():
                time.sleep(_POLL_SECONDS)
            return first_line - began

        for _ in range(_WARM_UP):
            run_one()
        time.sleep(pause)
        waits, cpu = _alone(run_one, lambda: _cpu_seconds(worker), count, pause)
        return {"waits": waits, "cpu": cpu, "rate": _rate(run_one, seconds)}


def _alone(
    run_one: Callable[[], float], cpu: Callable[[], float], count: int, pause: float
) -> tuple[list[float], float]:
    before, pauses = cpu(), max(3, count // 4)  # fewer would show little more than the clock tick of 10 ms
    time.sleep(pauses * pause)
    at_rest = cpu()
    waits = []
    for _ in range(count):
        waits.append(run_one())
        time.sleep(pause)
    return waits, (cpu() - at_rest) / count - (at_rest - before) / pauses


def _rate(run_one: Callable[[], float], seconds: float) -> float:
    count, began = 0, time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds or not count:
        run_one()
        count += 1
    return count / elapsed


def _cpu_seconds(process: int) -> float:
    """Return the CPU seconds of a process and all of its children, also of those that have ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, stat[_TIMES])) / _TICKS_PER_SECOND + sum(_cpu_seconds(int(child)) for child in children)


@contextmanager
def _reports() -> Iterator[tuple[str, socket.socket]]:
    folder = tempfile.mkdtemp(prefix="dj-")
    address = str(Path(folder) / "reports")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reports:
            reports.bind(address)
            reports.settimeout(PATIENCE_SECONDS)
            yield address, reports
    finally:
        shutil.rmtree(folder)


@contextmanager
def _forked(work: Callable[[], object]) -> Iterator[int]:
    parent = os.getpid()
    if not (worker := os.fork()):
        die_with_parent(parent, signal.SIGTERM)
        try:
            work()
        finally:
            os._exit(0)
    try:
        yield worker
    finally:
        os.kill(worker, signal.SIGTERM)
        os.waitpid(worker, 0)
