"""rq-dashboard: how long its page of jobs takes. One view is three requests: the shell, the queues, the first jobs."""

import sys
from time import perf_counter

from flask import Flask
from redis import Redis
from rq import Queue
from rq_dashboard import blueprint, web

from benchmarks.peers.commands import serve

PIPELINE = 1000
VIEW = ("/0/view/jobs", "/0/data/queues.json", "/0/data/jobs/peer/queued/50/dsc/1.json")

redis = sys.argv[2]
app = Flask(__name__)
app.config["RQ_DASHBOARD_REDIS_URL"] = redis
web.setup_rq_connection(app)
app.register_blueprint(blueprint)
client = app.test_client()


def fill(rows: int) -> None:
    """Create waiting jobs."""
    connection = Redis.from_url(redis)
    queue = Queue("peer", connection=connection)
    for first in range(0, rows, PIPELINE):
        batch = [Queue.prepare_data(print, (number,)) for number in range(first, first + PIPELINE)]
        with connection.pipeline() as pipeline:
            queue.enqueue_many(batch, pipeline=pipeline)
            pipeline.execute()


def empty() -> None:
    """Delete the waiting jobs."""
    Queue("peer", connection=Redis.from_url(redis)).empty()  # type: ignore[no-untyped-call]


def view() -> float:
    """Return the seconds of one view."""
    return _seconds(VIEW)


def json() -> float:
    """Return the seconds of the JSON of 50 jobs."""
    return _seconds(VIEW[-1:])


def _seconds(paths: tuple[str, ...]) -> float:
    began = perf_counter()
    for path in paths:
        answer = client.get(path)
        if answer.status_code != 200 or not answer.data:
            message = f"{path} answered with {answer.status}"
            raise RuntimeError(message)
    return perf_counter() - began


if __name__ == "__main__":
    serve({"fill": fill, "empty": empty}, {"view": view, "json": json})
