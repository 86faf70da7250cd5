"""Celery: one prefork process, results in the database (`track_started`), other settings as by default."""

import os
import signal
import sys
from contextlib import suppress
from time import perf_counter
from typing import Any

from celery import Celery
from celery.signals import task_postrun, worker_ready
from sqlalchemy import Engine, event

from benchmarks.peers import jobs
from benchmarks.peers.commands import serve

redis, database = sys.argv[2], sys.argv[3]
app = Celery(
    "peer", broker=redis.replace("unix://", "redis+socket://"), backend=f"db+{database}", task_track_started=True
)
noop = app.task(name="noop")(jobs.noop)


@event.listens_for(Engine, "connect")
def _set_pragmas(connection: Any, _: Any) -> None:
    """Give SQLite the pragmas of the other side, which are faster than the defaults."""
    for pragma in sys.argv[4:]:
        connection.execute(f"PRAGMA {pragma}")


def fill(count: int) -> None:
    """Create no-op jobs."""
    for number in range(count):
        noop.delay(number)


def work(count: int) -> float:
    """Run the jobs; return the seconds from the moment the worker is ready until the last result is stored."""
    reader, writer = os.pipe()
    began = done = 0.0
    worker = os.getpid()

    def note_start(**_: Any) -> None:
        nonlocal began
        began = perf_counter()

    def count_job(*, state: str, **_: Any) -> None:
        nonlocal done
        done += state == "SUCCESS"
        if done == count:
            os.write(writer, repr(perf_counter()).encode())
            os.kill(worker, signal.SIGTERM)

    worker_ready.connect(note_start)
    task_postrun.connect(count_job)  # in the worker's child, after the result was stored
    with suppress(SystemExit):
        app.worker_main(["worker", "--concurrency=1", "--without-mingle"])  # mingling makes only the start slower
    os.close(writer)
    return float(os.read(reader, 64)) - began


if __name__ == "__main__":
    serve({"fill": fill, "work": work})
