"""Chaos: real processes on real servers, while a seeded random hand kills, freezes and empties them.

First each kind of fault alone, to see how soon a job goes on; then jobs of all kinds under a rain of
faults, after which nothing may be lost, nothing may have run again after its end, and everything
that `deskjob verify` knows must hold.
"""

import logging
import random
import secrets
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos import databases, recovery
from benchmarks.chaos.databases import Database
from benchmarks.chaos.installation import House
from benchmarks.chaos.mixed import Outcome, Rain, mixed, services_of
from benchmarks.chaos.report import Found
from benchmarks.rounds import Verdict
from webapp.services import Services

KINDS = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is of everything, per database."""

    rain: Rain
    rounds: int
    lease_seconds: float
    measured: tuple[str, ...] = KINDS  # the databases on which each fault is timed by itself


LONG = Size(rain=Rain(jobs=1000, strikes=80, pause=1.0, longest=240.0), rounds=5, lease_seconds=6.0)
SHORT = Size(rain=Rain(jobs=50, strikes=6, pause=0.5, longest=10.0), rounds=1, lease_seconds=2.0, measured=("sqlite",))


def run(*, short: bool, seed: int | None = None) -> Verdict:
    """Run on both databases; the same seed makes the same jobs and the same strikes."""
    size, seed = (SHORT if short else LONG), secrets.randbelow(10**6) if seed is None else seed
    print(f"  seed {seed}, a lease of {size.lease_seconds:.0f} s", flush=True)
    found = Found(size.lease_seconds)
    for kind in KINDS:
        with opened(kind, size.lease_seconds, seed) as (house, services, database):
            if kind in size.measured:
                found.add_times(kind, measured(house, services, size))
            found.add_outcome(kind, chaotic(house, services, database, size, seed))
    return found.verdict()


@contextmanager
def opened(kind: str, lease_seconds: float, seed: int) -> Iterator[tuple[House, Services, Database]]:
    """Run a whole installation on an empty database of a kind."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # this process, too, meets a database that is away
    with tempfile.TemporaryDirectory(prefix="dj-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with databases.made(kind, folder, random.Random(seed)) as database:
            house = House(folder, database.url, lease_seconds=lease_seconds)
            with services_of(folder, database, house, lease_seconds) as services:
                house.start()
                try:
                    yield house, services, database
                finally:
                    house.close()
                    logging.disable(logging.NOTSET)


def measured(house: House, services: Services, size: Size) -> dict[str, list[float]]:
    """Strike with each kind alone, and measure how soon the job goes on."""
    bench, times = recovery.Bench(house, services), defaultdict[str, list[float]](list)
    for _ in range(size.rounds):
        for fault in recovery.faults(size.lease_seconds):
            times[fault.name].append(bench.measure(fault))
    return times


def chaotic(house: House, services: Services, database: Database, size: Size, seed: int) -> Outcome:
    """Let all kinds of jobs meet all kinds of faults."""
    return mixed(house, services, database, size.rain, lease_seconds=size.lease_seconds, seed=seed)
