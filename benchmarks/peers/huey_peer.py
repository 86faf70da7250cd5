"""Huey on Redis: the consumer with its defaults, which is one thread."""

import sys
from collections.abc import Callable
from typing import Any

from huey import RedisHuey

from benchmarks.peers import jobs, lone_jobs
from benchmarks.peers.commands import serve


def lone(count: int, pause: float, seconds: float) -> dict[str, Any]:
    """Return the figures of single jobs; see `lone_jobs.figures`. A job ends with its first line."""
    huey = RedisHuey("peer", url=sys.argv[2])
    report = huey.task()(jobs.report_first_line)

    def create(address: str) -> Callable[[], bool]:
        report(address)
        return lambda: True

    return lone_jobs.figures(lambda: huey.create_consumer().run(), create, count, pause, seconds)


if __name__ == "__main__":
    serve({"lone": lone})
