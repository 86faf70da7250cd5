"""Bulk creation of managed jobs (validation, row, fair-share turn, event), compared with RQ's `enqueue_many`.

Both sides create in chunks, RQ in pipelines of 500, and both use the same Valkey.
"""

from time import perf_counter

from redis import Redis
from rq import Queue
from sqlalchemy import delete, func, select

from benchmarks import servers
from benchmarks.installation import installed
from benchmarks.noop import plain_noop
from benchmarks.rounds import Verdict, ratio
from webapp.db.engine import writing
from webapp.schema import events, jobs
from webapp.services import Services

GOAL = 3.0
CHUNK, PIPELINE = 5000, 500


def run(*, short: bool) -> Verdict:
    """Compare on both databases."""
    count, rounds = (10_000, 3) if short else (100_000, 5)
    found = {}
    for kind in ("sqlite", "postgresql"):
        with servers.valkey() as redis, installed(kind, redis) as services:
            found[kind] = _compare(kind, services, redis, count, rounds)
    return Verdict(
        values=", ".join(f"{kind} {times:.1f} times" for kind, times in found.items()),
        goal=f"{GOAL:.0f}",
        ok=min(found.values()) >= GOAL,
    )


def _compare(kind: str, services: Services, redis: str, count: int, rounds: int) -> float:
    return ratio(
        f"{kind}, {count:,} jobs",
        lambda: _managed(services, count),
        lambda: _plain(redis, count),
        rounds=rounds,
        unit="jobs per second",
    )


def _managed(services: Services, count: int) -> float:
    _empty(services)
    began = perf_counter()
    for first in range(0, count, CHUNK):
        services.jobs.create_many("noop", [{"number": number} for number in range(first, first + CHUNK)])
    seconds = perf_counter() - began
    _check(services, count)
    return count / seconds


def _plain(redis: str, count: int) -> float:
    connection = Redis.from_url(redis)
    queue = Queue("plain", connection=connection)
    began = perf_counter()
    for first in range(0, count, PIPELINE):
        batch = [Queue.prepare_data(plain_noop, (number,)) for number in range(first, first + PIPELINE)]
        with connection.pipeline() as pipeline:
            queue.enqueue_many(batch, pipeline=pipeline)
            pipeline.execute()
    seconds = perf_counter() - began
    if queue.count != count:
        message = f"RQ holds {queue.count} jobs instead of {count}"
        raise RuntimeError(message)
    connection.flushdb()
    return count / seconds


def _empty(services: Services) -> None:
    with writing(services.engine) as connection:
        connection.execute(delete(events))
        connection.execute(delete(jobs))


def _check(services: Services, count: int) -> None:
    """Check that the work was done: every job is queued, with its own turn and its event."""
    with services.engine.connect() as connection:
        waiting = connection.execute(select(func.count()).where(jobs.c.status == "queued")).scalar_one()
        turns = connection.execute(select(func.count(jobs.c.fair.distinct()))).scalar_one()
        noted = connection.execute(select(func.count()).select_from(events)).scalar_one()
    if (waiting, turns, noted) != (count, count, count):
        message = f"expected {count} jobs, turns and events, found {waiting}, {turns} and {noted}"
        raise RuntimeError(message)
