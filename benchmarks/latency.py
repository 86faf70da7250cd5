"""A job that comes alone, compared with RQ: how long it waits for an idle worker, what it costs, and how many start.

Each side has one worker with its defaults, in a process that has imported everything (benchmarks/peers). Idle means
that the last job ended longer ago than a work-horse of ours waits for the next one. The wait is measured from before
the job is created to the first line of its handler; CPU time is that of the worker and all of its processes.
"""

import statistics
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import servers
from benchmarks.executor import managed_worker
from benchmarks.installation import installed
from benchmarks.peers import environment
from benchmarks.peers.peer_process import PeerProcess, peer_process
from benchmarks.rounds import Spread, Verdict, ratios

IDLE_SECONDS = 1.3
RQ = "RQ"
_TWENTIETHS = 20


@dataclass(frozen=True, kw_only=True)
class Goal:
    """At most so many times RQ's median and 95th percentile of the wait and its CPU time, and jobs per second."""

    wait: float
    long_wait: float
    cpu: float
    rate: float


GOALS = {
    "SQLite": Goal(wait=0.5, long_wait=1.0, cpu=1.0, rate=100),
    "PostgreSQL": Goal(wait=0.8, long_wait=1.0, cpu=1.0, rate=50),
}


@dataclass(kw_only=True)
class Side:
    """A worker, and what was measured: milliseconds, and lone jobs per second."""

    name: str
    process: PeerProcess
    wait: list[float] = field(default_factory=list)
    long_wait: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)

    def run(self, count: int, seconds: float) -> None:
        """Start ``count`` jobs on the idle worker, and jobs that follow each other for some ``seconds``."""
        found: dict[str, Any] = self.process.ask("lone", count, IDLE_SECONDS, seconds).result
        self.wait.append(statistics.median(found["waits"]) * 1000)
        self.long_wait.append(statistics.quantiles(found["waits"], n=_TWENTIETHS, method="inclusive")[-1] * 1000)
        self.cpu.append(found["cpu"] * 1000)
        self.rate.append(found["rate"])

    def __str__(self) -> str:
        """Return the figures of all rounds."""
        wait, long_wait, cpu, rate = map(Spread, map(tuple, (self.wait, self.long_wait, self.cpu, self.rate)))
        times = f"waits {wait:.1f} ms, 95 % of jobs at most {long_wait:.1f} ms, {cpu:.1f} ms of CPU per job"
        return f"{self.name}: {times}, {rate:.0f} lone jobs per second"


def run(*, short: bool) -> Verdict:
    """Run every side in each round."""
    rounds, count, seconds = (1, 4, 1.0) if short else (5, 20, 5.0)
    with _sides({RQ: "rq"} if short else {RQ: "rq", "Huey": "huey"}) as sides:
        for _ in range(rounds):
            for side in sides:
                side.run(count, seconds)
                print(f"  {side}", flush=True)
    return _verdict({side.name: side for side in sides})


def _verdict(sides: dict[str, Side]) -> Verdict:
    texts, reached = [], []
    for name, goal in GOALS.items():
        ours, rate = sides[name], Spread(tuple(sides[name].rate))
        texts.append(f"{name}: {rate:.0f} per second")
        reached.append(rate.median >= goal.rate)
        if RQ in sides:
            for figure, most in (("wait", goal.wait), ("long_wait", goal.long_wait), ("cpu", goal.cpu)):
                times = ratios(getattr(ours, figure), getattr(sides[RQ], figure))
                texts[-1] += f", {figure.replace('_', ' ')} {times:.2f}"
                reached.append(times.median <= most)
    return Verdict(values=f"{'; '.join(texts)} times RQ's", goal="; ".join(map(_goal, GOALS)), ok=all(reached))


def _goal(name: str) -> str:
    goal = GOALS[name]
    most = f"wait {goal.wait}, long wait {goal.long_wait}, cpu {goal.cpu}"
    return f"{name}: at least {goal.rate:.0f} per second, at most {most} times RQ's"


@contextmanager
def _sides(peers: Mapping[str, str]) -> Iterator[list[Side]]:
    with ExitStack() as stack:
        sides = []
        if python := environment.python():
            redis = stack.enter_context(servers.valkey())
            for name, peer in peers.items():
                process = stack.enter_context(peer_process(python, f"benchmarks.peers.{peer}_peer", redis))
                sides.append(Side(name=name, process=process))
        for name in GOALS:
            redis = stack.enter_context(servers.valkey())  # the databases cannot share a queue
            services = stack.enter_context(installed(name.lower(), redis))
            sides.append(Side(name=name, process=stack.enter_context(managed_worker(services, redis))))
        for side in sides:
            side.process.await_start()
        yield sides
