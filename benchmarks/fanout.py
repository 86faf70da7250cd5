"""A root with no-op children, compared with the same number of no-op jobs without a root, on the same worker.

The time includes the root's own run, which creates the children, and counting each finished child. And many jobs of
5 ms for several workers (many_workers.py).
"""

from uuid import uuid4

from sqlalchemy import func, select

from benchmarks import many_workers, servers
from benchmarks.installation import add_person, installed, seconds_in_a_child
from benchmarks.rounds import Spread, Verdict, ratio
from webapp.jobs.model.job import Owner, Status
from webapp.processes.worker import job_worker, warm_up
from webapp.schema import attempts, events, jobs
from webapp.services import Services

GOAL = 0.8
GROWTH, NO_FALL = 1.5, 0.9


def run(*, short: bool) -> Verdict:
    """Compare on both databases."""
    count, rounds = (400, 3) if short else (10_000, 5)
    pauses, repeats = (200, 1) if short else (1000, 5)
    found, rates = {}, {}
    with servers.valkey() as redis:
        for kind in ("sqlite", "postgresql"):
            with installed(kind, redis) as services:
                found[kind] = _compare(kind, services, count, rounds)
            rates[kind] = many_workers.rates(kind, redis, count=pauses, rounds=repeats)
    return Verdict(
        values=f"a root with {count:,} children: "
        + ", ".join(f"{times:.2f} times the rate of single jobs on {kind}" for kind, times in found.items())
        + "; jobs of 5 ms with 1, 2 and 4 workers: "
        + ", ".join(f"{_shown(by_workers)} per second on {kind}" for kind, by_workers in rates.items()),
        goal=f"at least {GOAL}; with 2 workers {GROWTH} times as many, with 4 not fewer",
        ok=min(times.median for times in found.values()) >= GOAL and all(map(_grows, rates.values())),
    )


def _shown(by_workers: dict[int, Spread]) -> str:
    return ", ".join(f"{rate:,.0f}" for rate in by_workers.values())


def _grows(by_workers: dict[int, Spread]) -> bool:
    one, two, four = (rate.median for rate in by_workers.values())
    return two >= GROWTH * one and four >= NO_FALL * two


def _compare(kind: str, services: Services, count: int, rounds: int) -> Spread:
    owner = Owner(user_id=add_person(services))
    return ratio(
        f"{kind}, a root with {count:,} children",
        lambda: _family(services, owner, count),
        lambda: _alone(services, owner, count),
        rounds=rounds,
        unit="jobs per second",
    )


def _family(services: Services, owner: Owner, count: int) -> float:
    before = _figures(services)
    root = services.jobs.create_job("fan", {"count": count}, owner=owner)
    seconds = _work(services)
    ended = services.jobs.get(root.id)
    if (ended.status, ended.progress, ended.parts_completed) != (Status.COMPLETED, 100.0, count):
        message = f"the root is {ended.status}, with {ended.parts_completed} of {count} children completed"
        raise RuntimeError(message)
    # the root's attempt has two end events: when its handler returns, and when its last child finishes
    _check(before, _figures(services), (count + 1, count + 1, 3 * count + 4))
    return count / seconds


def _alone(services: Services, owner: Owner, count: int) -> float:
    before = _figures(services)
    services.jobs.create_many("noop", [{"number": number} for number in range(count)], owner=owner)
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
    """Check that the work was done: jobs completed, with their attempts and events."""
    grown = tuple(new - old for old, new in zip(before, after, strict=True))
    if grown != expected:
        message = f"expected {expected} completed jobs, attempts and events, found {grown}"
        raise RuntimeError(message)
