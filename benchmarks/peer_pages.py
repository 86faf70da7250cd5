"""Run by peer.py in rq-dashboard's environment: fill a queue, and answer each input line with the time of a page view.

One view is the three requests of its page: the shell, the queues and the first page of jobs.
"""

import sys
from time import perf_counter

from flask import Flask
from redis import Redis
from rq import Queue
from rq_dashboard import blueprint, web  # type: ignore[import-not-found]

PIPELINE = 1000
VIEW = ("/0/view/jobs", "/0/data/queues.json", "/0/data/jobs/peer/queued/50/dsc/1.json")


def main(redis: str, rows: int) -> None:
    """Fill the queue, serve page views until the input ends, and empty the queue."""
    connection = Redis.from_url(redis)
    queue = Queue("peer", connection=connection)
    for first in range(0, rows, PIPELINE):
        batch = [Queue.prepare_data(print, (number,)) for number in range(first, first + PIPELINE)]
        with connection.pipeline() as pipeline:
            queue.enqueue_many(batch, pipeline=pipeline)
            pipeline.execute()
    app = Flask(__name__)
    app.config["RQ_DASHBOARD_REDIS_URL"] = redis
    web.setup_rq_connection(app)
    app.register_blueprint(blueprint)
    client = app.test_client()
    for _ in sys.stdin:
        print(_view(client), flush=True)
    queue.empty()  # type: ignore[no-untyped-call]


def _view(client) -> float:  # type: ignore[no-untyped-def]  # noqa: ANN001
    began = perf_counter()
    for path in VIEW:
        answer = client.get(path)
        if answer.status_code != 200 or not answer.data:
            message = f"{path} answered with {answer.status}"
            raise RuntimeError(message)
    return perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
