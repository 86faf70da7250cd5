"""No-op managed jobs (row, claim, events, attempt, finish), compared with no-op jobs of RQ's own worker.

Each side has one worker on the same Valkey, and imports everything before the first fork.
"""

from uuid import uuid4

from redis import Redis
from rq import Queue, Worker
from sqlalchemy import func, select

from benchmarks import servers
from benchmarks.installation import installed, seconds_in_a_child
from benchmarks.noop import plain_noop
from benchmarks.rounds import Verdict, ratio
from webapp.processes.worker import job_worker, warm_up
from webapp.schema import attempts, events, jobs
from webapp.services import Services

GOALS = {"sqlite": 15.0, "postgresql": 6.0}
MANAGED, PLAIN = 2000, 300
SHORT_MANAGED, SHORT_PLAIN = 1500, 75  # still several work-horses on our side


def run(*, short: bool) -> Verdict:
    """Compare on both databases."""
    rounds, managed, plain = (2, SHORT_MANAGED, SHORT_PLAIN) if short else (5, MANAGED, PLAIN)
    with servers.valkey() as redis:
        found = {kind: _compare(kind, redis, rounds, managed, plain) for kind in GOALS}
    return Verdict(
        values=", ".join(f"{kind} {times:.1f} times" for kind, times in found.items()),
        goal=", ".join(f"{times:.0f}" for times in GOALS.values()),
        ok=all(found[kind] >= goal for kind, goal in GOALS.items()),
    )


def _compare(kind: str, redis: str, rounds: int, managed: int, plain: int) -> float:
    with installed(kind, redis) as services:
        return ratio(
            f"{kind}, {managed} managed jobs",
            lambda: _managed(services, managed),
            lambda: _plain(redis, plain),
            rounds=rounds,
            unit="jobs per second",
        )


def _managed(services: Services, count: int) -> float:
    services.jobs.create_many("noop", [{"number": number} for number in range(count)])
    before = _figures(services)

    def work() -> None:
        job_worker(services, uuid4().hex, ["default"]).work(burst=True, logging_level="ERROR")

    warm_up(services)
    seconds = seconds_in_a_child(work)
    _check(before, _figures(services), count)
    return count / seconds


def _plain(redis: str, count: int) -> float:
    connection = Redis.from_url(redis)
    queue = Queue("plain", connection=connection)
    queue.enqueue_many([Queue.prepare_data(plain_noop, (number,), result_ttl=0) for number in range(count)])

    def work() -> None:
        own = Redis.from_url(redis)
        worker = Worker([Queue("plain", connection=own)], connection=own, log_job_description=False)
        worker.work(burst=True, logging_level="ERROR")

    return count / seconds_in_a_child(work)


def _figures(services: Services) -> tuple[int, int, int]:
    with services.engine.connect() as connection:
        done = connection.execute(select(func.count()).where(jobs.c.status == "completed")).scalar_one()
        tries = connection.execute(select(func.count()).select_from(attempts)).scalar_one()
        noted = connection.execute(select(func.count()).select_from(events)).scalar_one()
    services.engine.dispose()
    return done, tries, noted


def _check(before: tuple[int, int, int], after: tuple[int, int, int], count: int) -> None:
    """Check that the work was done: every job completed, with one attempt and two events."""
    grown = tuple(new - old for old, new in zip(before, after, strict=True))
    if grown != (count, count, 2 * count):
        message = f"expected {count} jobs and attempts and twice as many events, found {grown}"
        raise RuntimeError(message)
