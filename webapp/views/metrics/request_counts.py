"""Counts of HTTP requests in memory that all serving processes share, so that each can report all of them.

Each process has a slot of its own, and only adds to it. A process that replaces another one continues its slot, so no
count goes back while the web server runs. A slot has a row of numbers for each endpoint, and one for the process.
"""

import mmap
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import Any, cast

from flask import Flask, request
from sqlalchemy import Engine, QueuePool

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
MOST_PROCESSES = 16  # further ones share the last slot
NO_ROUTE = "none"
_BUCKETS = len(CLASSES)  # where the buckets begin, after the classes of status
_SECONDS = _BUCKETS + len(BOUNDS) + 1
_ROW = _SECONDS + 1
ENDPOINT = "deskjob.endpoint"  # in the environment of a request
_EXTENSION = "deskjob.request_counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTotals:
    """The requests of one endpoint: their number by class of status and by bucket of duration, and their seconds."""

    by_class: Mapping[str, int]
    buckets: tuple[int, ...]
    seconds: float


class RequestCounts:
    """Counts the requests to a fixed list of endpoints, and the database connections of each process."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._rows = {name: row for row, name in enumerate((*sorted(endpoints), NO_ROUTE), 1)}
        self._slot_size = (len(self._rows) + 1) * _ROW
        # anonymous, so it is shared with the processes that are forked later, and ends with them
        self._numbers = memoryview(mmap.mmap(-1, 8 * self._slot_size * MOST_PROCESSES)).cast("d")
        self._lock = Lock()
        self._start = 0

    def use_slot(self, slot: int) -> None:
        """Add to this slot from now on; call it in a new process."""
        self._lock = Lock()  # a thread of the parent may have held the other one
        self._start = min(slot, MOST_PROCESSES - 1) * self._slot_size

    def add(self, endpoint: str, status: int, seconds: float) -> None:
        """Count one request; an unknown endpoint counts as `NO_ROUTE`."""
        at = self._start + self._rows.get(endpoint, self._rows[NO_ROUTE]) * _ROW
        numbers = self._numbers
        with self._lock:
            numbers[at + min(max(status // 100, 1), len(CLASSES)) - 1] += 1
            numbers[at + _BUCKETS + bisect_left(BOUNDS, seconds)] += 1
            numbers[at + _SECONDS] += seconds

    def set_connections(self, used: int, idle: int) -> None:
        """Store the number of database connections that this process uses and keeps."""
        self._numbers[self._start], self._numbers[self._start + 1] = used, idle

    def by_endpoint(self) -> Mapping[str, RequestTotals]:
        """Return the requests of all processes to each endpoint that had any."""
        found = {}
        for name, row in self._rows.items():
            if any(sums := self._sums(row)):
                found[name] = RequestTotals(
                    by_class={label: int(sums[at]) for at, label in enumerate(CLASSES) if sums[at]},
                    buckets=tuple(map(int, sums[_BUCKETS:_SECONDS])),
                    seconds=sums[_SECONDS],
                )
        return found

    def connections(self) -> tuple[int, int]:
        """Return the database connections of all processes: used and idle ones, as of their latest requests."""
        used, idle = self._sums(0)[:2]
        return int(used), int(idle)

    def _sums(self, row: int) -> list[float]:
        starts = range(row * _ROW, len(self._numbers), self._slot_size)
        return [sum(values) for values in zip(*(self._numbers[at : at + _ROW] for at in starts), strict=True)]


def init_app(app: Flask) -> None:
    """Count every request that reaches the application."""
    app.before_request_funcs.setdefault(None, []).insert(0, _name_endpoint)  # before any that can end the request
    counts = app.extensions[_EXTENSION] = RequestCounts(rule.endpoint for rule in app.url_map.iter_rules())
    app.wsgi_app = _counting(app.wsgi_app, counts, app.extensions["deskjob"].engine)  # type: ignore[method-assign]


def request_counts_of(app: Flask) -> RequestCounts:
    """Return the counts of an application."""
    return cast(RequestCounts, app.extensions[_EXTENSION])


def _name_endpoint() -> None:
    request.environ[ENDPOINT] = request.endpoint or NO_ROUTE


def _counting(
    answer: Callable[..., Iterable[bytes]], counts: RequestCounts, engine: Engine
) -> Callable[..., Iterable[bytes]]:
    def counting(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = perf_counter()
        status = 500

        def start(line: str, *arguments: Any) -> Any:
            nonlocal status
            status = int(line[:3])
            return start_response(line, *arguments)

        try:
            return answer(environ, start)
        finally:
            counts.add(environ.get(ENDPOINT, NO_ROUTE), status, perf_counter() - began)
            if isinstance(pool := engine.pool, QueuePool):
                counts.set_connections(pool.checkedout(), pool.checkedin())

    return counting
