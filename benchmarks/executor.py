"""No-op managed jobs (row, claim, events, attempt, finish), compared with the no-op jobs of other queues.

Each side is one worker in a process of its own, which has imported everything and starts when its jobs are waiting
(benchmarks/peers). The sides run one after the other, in every round, on the same Valkey and the same databases. All
of them keep a record of a finished job. PostgreSQL commits durably. Celery with SQLite is measured twice: as its users
run it, and with the pragmas of an installation, which its users would have to know.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import servers
from benchmarks.installation import add_person, installed
from benchmarks.peers import environment
from benchmarks.peers.peer_process import PeerProcess, peer_process
from benchmarks.rounds import Spread, Verdict, ratios
from webapp.services import Services

PRAGMAS = ("journal_mode", "synchronous", "wal_autocheckpoint", "cache_size")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """How many times as fast we should be as another side."""

    ours: str
    theirs: str
    times: float


GOALS = (
    Goal(ours="SQLite", theirs="RQ", times=20),
    Goal(ours="SQLite", theirs="Celery with SQLite", times=10),
    Goal(ours="SQLite", theirs="Celery with our pragmas", times=4),
    Goal(ours="PostgreSQL", theirs="RQ", times=7),
    Goal(ours="PostgreSQL", theirs="Celery with PostgreSQL", times=4),
    Goal(ours="PostgreSQL", theirs="Procrastinate", times=1),
    Goal(ours="PostgreSQL", theirs="pgqueuer one at a time", times=1),
    Goal(ours="PostgreSQL", theirs="pgqueuer in tens", times=1 / 3),
)


@dataclass(kw_only=True)
class Side:
    """A worker, how many jobs it runs in a round, and what was measured."""

    name: str
    process: PeerProcess
    jobs: int
    options: tuple[Any, ...] = ()  # of its work
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self, scale: int) -> None:
        """Create jobs and run them."""
        count = self.jobs * scale
        self.process.ask("fill", count)
        answer = self.process.ask("work", count, *self.options)
        self.rates.append(count / answer.result)
        self.cpu.append(answer.cpu / count * 1000)


def run(*, short: bool) -> Verdict:
    """Run every side in each round."""
    rounds, scale = (2, 1) if short else (5, 4)
    with _sides() as sides:
        for number in range(1, rounds + 1):
            for side in sides:
                side.run(scale)
            found = ", ".join(f"{side.name} {side.rates[-1]:,.0f}" for side in sides)
            print(f"  round {number}, jobs per second: {found}", flush=True)
    for side in sides:
        rates, cpu = Spread(tuple(side.rates)), Spread(tuple(side.cpu))
        print(f"  {side.name}: {rates:,.0f} jobs per second, {cpu:.2f} ms of CPU per job")
    return _verdict({side.name: side for side in sides})


def _verdict(sides: dict[str, Side]) -> Verdict:
    measured = {
        goal: ratios(sides[goal.ours].rates, sides[goal.theirs].rates) for goal in GOALS if goal.theirs in sides
    }
    values = {goal: f"{times:.1f} times {goal.theirs}" for goal, times in measured.items()}
    return Verdict(
        values=_by_database(values) or "the peers could not be installed, so nothing was compared",
        goal="at least " + _by_database({goal: f"{goal.times:.2g}" for goal in GOALS}),
        ok=all(times.median >= goal.times for goal, times in measured.items()),
    )


def _by_database(texts: dict[Goal, str]) -> str:
    return "; ".join(
        f"{ours}: {', '.join(text for goal, text in texts.items() if goal.ours == ours)}"
        for ours in dict.fromkeys(goal.ours for goal in texts)
    )


@contextmanager
def _sides() -> Iterator[list[Side]]:
    with (
        servers.valkey() as redis,
        installed("sqlite", redis) as sqlite,
        installed("postgresql", redis) as postgresql,
        ExitStack() as stack,
    ):
        sides = [
            Side(name="SQLite", process=stack.enter_context(managed_worker(sqlite, redis)), jobs=1000),
            Side(name="PostgreSQL", process=stack.enter_context(managed_worker(postgresql, redis)), jobs=400),
        ]
        if python := environment.python():

            def start(peer: str, *arguments: str) -> PeerProcess:
                return stack.enter_context(peer_process(python, f"benchmarks.peers.{peer}_peer", *arguments))

            sides += _peers(start, redis, sqlite, postgresql)
        for side in sides:
            side.process.await_start()
        yield sides


def _peers(start: Callable[..., PeerProcess], redis: str, sqlite: Services, postgresql: Services) -> Iterator[Side]:
    yield Side(name="RQ", process=start("rq", redis), jobs=50)
    own = f"sqlite:///{sqlite.settings.data_dir / 'celery.sqlite'}"
    yield Side(name="Celery with SQLite", process=start("celery", f"{redis}?virtual_host=1", own), jobs=80)
    tuned = start("celery", f"{redis}?virtual_host=3", sqlite.settings.database, *_pragmas(sqlite))
    yield Side(name="Celery with our pragmas", process=tuned, jobs=80)
    on_postgresql = start("celery", f"{redis}?virtual_host=2", postgresql.settings.database)
    yield Side(name="Celery with PostgreSQL", process=on_postgresql, jobs=80)
    address = postgresql.settings.database.replace("+psycopg", "")
    procrastinate, pgqueuer = start("procrastinate", address), start("pgqueuer", address)
    for peer in (procrastinate, pgqueuer):
        peer.ask("install")
    yield Side(name="Procrastinate", process=procrastinate, jobs=120)
    yield Side(name="pgqueuer one at a time", process=pgqueuer, jobs=200, options=(1,))
    yield Side(name="pgqueuer in tens", process=pgqueuer, jobs=1000, options=(10,))


def managed_worker(services: Services, redis: str) -> AbstractContextManager[PeerProcess]:
    """Start our side, which runs the jobs of a person."""
    arguments = (services.settings.data_dir, services.settings.database, redis, add_person(services).hex)
    return peer_process(sys.executable, "benchmarks.managed_worker", *map(str, arguments))


def _pragmas(services: Services) -> list[str]:
    with services.engine.connect() as connection:
        return [f"{name}={connection.exec_driver_sql(f'PRAGMA {name}').scalar_one()}" for name in PRAGMAS]
