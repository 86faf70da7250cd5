"""Chaos test: real processes and servers, while seeded random faults kill, freeze and empty them.

First each kind of fault alone, to measure how soon the job continues. Then jobs of all kinds under many faults:
afterwards no job may be lost, none may have run again after it finished, and `deskjob verify` must find nothing.
"""

import logging
import random
import secrets
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos import databases
from benchmarks.chaos.databases import Database
from benchmarks.chaos.installation import ChaosInstallation
from benchmarks.chaos.mixed import Load, Outcome, run_jobs_under_faults, services_of
from benchmarks.chaos.pace import Pace
from benchmarks.chaos.recovery import Fault, Recovery, RecoveryBench, StateNotReached, faults
from benchmarks.chaos.report import ChaosReport
from benchmarks.rounds import Verdict
from webapp.services import Services

KINDS = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a run, per database."""

    load: Load
    rounds: int
    lease_seconds: float
    measured_on: tuple[str, ...] = KINDS  # the databases on which each fault is measured alone


LONG = Size(load=Load(jobs=1000, faults=80, pause=1.0, longest=240.0), rounds=5, lease_seconds=6.0)
SHORT = Size(
    load=Load(jobs=50, faults=6, pause=0.5, longest=10.0), rounds=1, lease_seconds=2.0, measured_on=("sqlite",)
)


def run(*, short: bool, seed: int | None = None) -> Verdict:
    """Run on both databases; the same seed gives the same jobs and faults."""
    size, seed = (SHORT if short else LONG), secrets.randbelow(10**6) if seed is None else seed
    print(f"  seed {seed}, lease {size.lease_seconds:.0f} s", flush=True)
    found = ChaosReport(faults(size.lease_seconds))
    for kind in KINDS:
        with open_installation(kind, size.lease_seconds, seed) as (installation, services, database):
            if kind in size.measured_on:
                try:
                    found.add_times(
                        kind, measure_recovery(installation, services, faults(size.lease_seconds), size.rounds)
                    )
                except StateNotReached as failure:
                    found.add_failure(kind, failure)
            found.add_outcome(kind, run_mixed(installation, services, database, size, seed))
    return found.verdict()


@contextmanager
def open_installation(
    kind: str, lease_seconds: float, seed: int
) -> Iterator[tuple[ChaosInstallation, Services, Database]]:
    """Run a complete installation on an empty database."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # this process loses the database, too
    with tempfile.TemporaryDirectory(prefix="dj-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "installation"  # is made private, and PostgreSQL can run as another user
        folder.mkdir()
        with databases.create_database(kind, Path(name), random.Random(seed)) as database:
            installation = ChaosInstallation(folder, database.url, lease_seconds=lease_seconds)
            with services_of(installation) as services:
                installation.start()
                try:
                    yield installation, services, database
                finally:
                    installation.close()
                    logging.disable(logging.NOTSET)


def measure_recovery(
    installation: ChaosInstallation, services: Services, measured: Iterable[Fault], rounds: int
) -> dict[str, list[Recovery]]:
    """Inject each kind of fault alone, and measure how soon the job continues."""
    recoveries = defaultdict[str, list[Recovery]](list)
    with Pace() as pace:
        bench = RecoveryBench(installation, services, pace)
        for _ in range(rounds):
            for fault in measured:
                recoveries[fault.name].append(bench.measure(fault))
    return recoveries


def run_mixed(
    installation: ChaosInstallation, services: Services, database: Database, size: Size, seed: int
) -> Outcome:
    """Run all kinds of jobs under all kinds of faults."""
    return run_jobs_under_faults(
        installation, services, database, size.load, lease_seconds=size.lease_seconds, seed=seed
    )
