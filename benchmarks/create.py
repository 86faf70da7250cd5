"""Bulk creation of managed jobs (validation, row, fair-share turn, event), compared with RQ's `enqueue_many`.

Both sides create in chunks, RQ in pipelines of 500 in a process of its own, and both use the same Valkey. Our jobs
belong to a person.
"""

from time import perf_counter

from sqlalchemy import delete, func, select

from benchmarks import servers
from benchmarks.installation import add_person, installed
from benchmarks.peers import environment
from benchmarks.peers.peer_process import PeerProcess, peer_process
from benchmarks.rounds import Spread, Verdict, ratio
from webapp.db.engine import writing
from webapp.jobs.model.job import Owner
from webapp.schema import events, jobs
from webapp.services import Services

GOAL = 3.0
_GOAL = f"at least {GOAL:.0f} times"
CHUNK = 5000


def run(*, short: bool) -> Verdict:
    """Compare on both databases."""
    count, rounds = (10_000, 3) if short else (100_000, 5)
    python = environment.python()
    if python is None:
        return Verdict(values="RQ could not be installed, so nothing was compared", goal=_GOAL, ok=True)
    found = {}
    for kind in ("sqlite", "postgresql"):
        with (
            servers.valkey() as redis,
            installed(kind, redis) as services,
            peer_process(python, "benchmarks.peers.rq_peer", redis) as peer,
        ):
            found[kind] = _compare(kind, services, peer, count, rounds)
    return Verdict(
        values="bulk creation, compared with RQ's `enqueue_many`: "
        + ", ".join(f"{times:.1f} times the rate on {kind}" for kind, times in found.items()),
        goal=_GOAL,
        ok=min(times.median for times in found.values()) >= GOAL,
    )


def _compare(kind: str, services: Services, peer: PeerProcess, count: int, rounds: int) -> Spread:
    owner = Owner(user_id=add_person(services))
    return ratio(
        f"{kind}, {count:,} jobs",
        lambda: _managed(services, owner, count),
        lambda: _plain(peer, count),
        rounds=rounds,
        unit="jobs per second",
    )


def _managed(services: Services, owner: Owner, count: int) -> float:
    _empty(services)
    began = perf_counter()
    for first in range(0, count, CHUNK):
        payloads = [{"number": number} for number in range(first, first + CHUNK)]
        services.jobs.create_many("noop", payloads, owner=owner)
    seconds = perf_counter() - began
    _check(services, count)
    return count / seconds


def _plain(peer: PeerProcess, count: int) -> float:
    seconds = peer.ask("fill", count).result
    peer.ask("empty")
    return float(count / seconds)


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
