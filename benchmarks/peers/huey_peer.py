"""Huey on Redis: the consumer with its defaults, which is one thread."""

import sys

from huey import RedisHuey

from benchmarks.peers import jobs, lone_jobs
from benchmarks.peers.commands import serve


def lone(count: int, pause: float) -> list[float]:
    """Return how long single jobs wait for an idle consumer."""
    huey = RedisHuey("peer", url=sys.argv[2])
    report = huey.task()(jobs.report_first_line)
    return lone_jobs.waits(lambda: huey.create_consumer().run(), report, count, pause)


if __name__ == "__main__":
    serve({"lone": lone})
