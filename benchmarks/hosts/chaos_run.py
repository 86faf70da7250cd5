"""The chaos test on hosts: the load of `benchmarks.chaos`, while links are cut and hosts are lost too."""

import logging
import random
import secrets
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.chaos import LONG, SHORT, measure_recovery, run_mixed
from benchmarks.chaos.databases import Database
from benchmarks.chaos.mixed import services_of
from benchmarks.chaos.recovery import StateNotReached
from benchmarks.chaos.report import ChaosReport
from benchmarks.hosts.installation import HostInstallation
from benchmarks.hosts.interference import NetworkInterference
from benchmarks.hosts.network import IMPOSSIBLE, are_possible
from benchmarks.hosts.recovery import HostFaults
from benchmarks.hosts.servers import open_cluster
from benchmarks.rounds import Verdict
from webapp.services import Services

_PLACE = "hosts"


def run(*, short: bool, seed: int | None = None) -> Verdict:
    """Run on six hosts; the same seed gives the same jobs and faults."""
    if not are_possible():
        return Verdict(values=f"not run: {IMPOSSIBLE}", goal="lost 0, twice 0", ok=False)
    size, seed = (SHORT if short else LONG), secrets.randbelow(10**6) if seed is None else seed
    print(f"  seed {seed}, lease {size.lease_seconds:.0f} s", flush=True)
    with open_installation(size.lease_seconds, seed) as (installation, services, database):
        measured = HostFaults(installation, size.lease_seconds)
        others = () if short else (*measured.of_processes(), *measured.of_hosts())
        faults = (*measured.of_links(), *others)
        found = ChaosReport(faults)
        try:
            found.add_times(_PLACE, measure_recovery(installation, services, faults, size.rounds))
        except StateNotReached as failure:
            found.add_failure(_PLACE, failure)
        found.add_outcome(_PLACE, run_mixed(installation, services, database, size, seed))
    return found.verdict()


@contextmanager
def open_installation(lease_seconds: float, seed: int) -> Iterator[tuple[HostInstallation, Services, Database]]:
    """Run a complete installation on hosts."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # this process loses the database, too
    with tempfile.TemporaryDirectory(prefix="dj-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user
        with open_cluster(Path(name)) as cluster:
            installation = HostInstallation(cluster, lease_seconds=lease_seconds)
            interference = NetworkInterference(installation, random.Random(seed), lease_seconds=lease_seconds)
            database = Database(cluster.postgresql.url, interference.faults, interference.await_end)
            with services_of(installation) as services:
                installation.start()
                try:
                    yield installation, services, database
                finally:
                    interference.await_end()
                    installation.close()
                    logging.disable(logging.NOTSET)
