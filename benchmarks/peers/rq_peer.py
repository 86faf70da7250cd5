"""RQ: `Worker`, a fork for each job, with its defaults."""

import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from redis import Redis
from rq import Queue, Worker
from rq.job import JobStatus

from benchmarks.peers import jobs, lone_jobs
from benchmarks.peers.commands import serve

NAME, PIPELINE = "peer", 500

redis = sys.argv[2]


def fill(count: int) -> float:
    """Create no-op jobs in pipelines; return the seconds."""
    queue = Queue(NAME, connection=Redis.from_url(redis))
    began = perf_counter()
    for first in range(0, count, PIPELINE):
        batch = [Queue.prepare_data(jobs.noop, (number,)) for number in range(first, min(count, first + PIPELINE))]
        with queue.connection.pipeline() as pipeline:
            queue.enqueue_many(batch, pipeline=pipeline)
            pipeline.execute()
    seconds = perf_counter() - began
    if queue.count != count:
        message = f"RQ holds {queue.count} jobs instead of {count}"
        raise RuntimeError(message)
    return seconds


def work(count: int) -> float:
    """Run the jobs; return the seconds from the start of the worker's loop to its end."""
    queue = Queue(NAME, connection=Redis.from_url(redis))
    before = queue.finished_job_registry.count
    worker = Worker([queue], connection=queue.connection)
    began = perf_counter()
    worker.work(burst=True)
    seconds = perf_counter() - began
    if (done := queue.finished_job_registry.count - before) != count:
        message = f"RQ finished {done} jobs instead of {count}"
        raise RuntimeError(message)
    return seconds


def empty() -> None:
    """Delete every waiting job."""
    Queue(NAME, connection=Redis.from_url(redis)).empty()  # type: ignore[no-untyped-call]


def lone(count: int, pause: float, seconds: float) -> dict[str, Any]:
    """Return the figures of single jobs; see `lone_jobs.figures`."""
    queue = Queue(NAME, connection=Redis.from_url(redis))

    def run_worker() -> None:
        connection = Redis.from_url(redis)
        Worker([Queue(NAME, connection=connection)], connection=connection).work()

    def create(address: str) -> Callable[[], bool]:
        job = queue.enqueue(jobs.report_first_line, address)
        return lambda: job.get_status() == JobStatus.FINISHED

    return lone_jobs.figures(run_worker, create, count, pause, seconds)


if __name__ == "__main__":
    serve({"fill": fill, "work": work, "empty": empty, "lone": lone})
