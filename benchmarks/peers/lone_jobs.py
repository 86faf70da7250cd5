"""How long a single job waits for an idle worker: from just before it is created to its first line."""

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.os_process import die_with_parent

PATIENCE_SECONDS = 60.0  # for a worker that does not run its job at all


def waits(work: Callable[[], object], create: Callable[[str], object], count: int, pause: float) -> list[float]:
    """Run a worker in a fork; create ``count`` jobs one by one, ``pause`` seconds after the first line of the last.

    ``create`` gets the address for `jobs.report_first_line`. A job before them waits for the start of the worker.
    """
    with _reports() as (address, reports), _forked(work):
        found = []
        for _ in range(count + 1):
            began = time.monotonic()
            create(address)
            found.append(float(reports.recv(64)) - began)
            time.sleep(pause)
        return found[1:]


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
def _forked(work: Callable[[], object]) -> Iterator[None]:
    parent = os.getpid()
    if not (worker := os.fork()):
        die_with_parent(parent, signal.SIGTERM)
        try:
            work()
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGTERM)
        os.waitpid(worker, 0)
