"""A root with no-op children against as many no-op jobs without one: the same worker, the same machinery.

The root's own run, which makes the children, counts; so does what it takes to count each child's end.
"""

from uuid import uuid4

from sqlalchemy import func, select

from benchmarks import servers
from benchmarks.installation import installed, seconds_in_a_child
from benchmarks.rounds import Verdict, ratio
from webapp.jobs.model.job import Status
from webapp.processes.worker import job_worker, warm_up
from webapp.schema import attempts, events, jobs
from webapp.services import Services

GOAL = 0.8


def run(*, short: bool) -> Verdict:
    """Compare on both databases."""
    count, rounds = (400, 3) if short else (10_000, 5)
    found = {}
    with servers.valkey() as redis:
        for kind in ("sqlite", "postgresql"):
            with installed(kind, redis) as services:
                found[kind] = _compare(kind, services, count, rounds)
    return Verdict(
        values=", ".join(f"{kind} {times:.2f} times" for kind, times in found.items()),
        goal=f"{GOAL}",
        ok=min(found.values()) >= GOAL,
    )


def _compare(kind: str, services: Services, count: int, rounds: int) -> float:
    return ratio(
        f"{kind}, a root with {count:,} children",
        lambda: _family(services, count),
        lambda: _alone(services, count),
        rounds=rounds,
        unit="jobs a second",
    )


def _family(services: Services, count: int) -> float:
    before = _figures(services)
    root = services.jobs.create_job("fan", {"count": count})
    seconds = _work(services)
    ended = services.jobs.get(root.id)
    if (ended.status, ended.progress, ended.parts_completed) != (Status.COMPLETED, 100.0, count):
        message = f"the root is {ended.status}, with {ended.parts_completed} of {count} parts completed"
        raise RuntimeError(message)
    # the root's attempt ends twice in its events: when its handler has returned, and with its last child
    _check(before, _figures(services), (count + 1, count + 1, 3 * count + 4))
    return count / seconds


def _alone(services: Services, count: int) -> float:
    before = _figures(services)
    services.jobs.create_many("noop", [{"number": number} for number in range(count)])
    seconds = _work(services)
    _check(before, _figures(services), (count, count, 3 * count))
    return count / seconds


def _work(services: Services) -> float:
    def work() -> None:
        job_worker(services, uuid4().hex, ["default"]).work(burst=True, logging_level="ERROR")

    warm_up(services)
    services.engine.dispose()
    return seconds_in_a_child(work)


def _figures(services: Services) -> tuple[int, int, int]:
    with services.engine.connect() as connection:
        done = connection.execute(select(func.count()).where(jobs.c.status == "completed")).scalar_one()
        tries = connection.execute(select(func.count()).select_from(attempts)).scalar_one()
        noted = connection.execute(select(func.count()).select_from(events)).scalar_one()
    return done, tries, noted


def _check(before: tuple[int, int, int], after: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    """A figure counts only if the work was done: jobs completed, their attempts and events written."""
    grown = tuple(new - old for old, new in zip(before, after, strict=True))
    if grown != expected:
        message = f"expected {expected} completed jobs, attempts and events, found {grown}"
        raise RuntimeError(message)
