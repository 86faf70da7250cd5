"""The faults of hosts that are measured one at a time, with the bounds of docs/faults.md."""

import time

from benchmarks.chaos.recovery import Fault, RecoveryBench, kill_horse, kill_pool, kill_worker
from benchmarks.hosts.installation import HostInstallation
from benchmarks.hosts.servers import until_it_is_so
from webapp.db.session_settings import SETTINGS

_LONGER_THAN_A_LEASE = 1.5
_LOCKS_SECONDS = float(SETTINGS["idle_in_transaction_session_timeout"].removesuffix("s"))


class HostFaults:
    """Faults of one installation."""

    def __init__(self, installation: HostInstallation, lease_seconds: float) -> None:
        self._installation = installation
        self._hosts = installation.cluster.hosts
        self._lease_seconds = lease_seconds

    def of_links(self) -> tuple[Fault, ...]:
        """Return the faults after which no program must be started again, with their goals."""
        return (
            Fault("a worker host that is cut off", self._silent_host, self.cut_off_workers),
            Fault("a Redis host that was lost", 3.0, self.lose_redis),
            Fault("a database that was cut off", 5.0, self.cut_off_database),
        )

    def of_hosts(self) -> tuple[Fault, ...]:
        """Return the other faults of hosts, with their goals."""
        return (
            Fault("a lost worker host", self._silent_host, self.lose_workers),
            Fault("a database host that was lost", 5.0, self.lose_database),
        )

    @property
    def _silent_host(self) -> float:
        """A host that vanishes in a transaction leaves its locks to the server, which may keep them beyond a lease."""
        return max(self._lease_seconds, _LOCKS_SECONDS) + 5.0

    def of_processes(self) -> tuple[Fault, ...]:
        """Return the faults of processes, with their goals, which are the same on one host."""
        return (
            Fault("a killed work-horse", 2.0, kill_horse),
            Fault("a killed worker", 3.0, kill_worker),
            Fault("a killed and restarted pool", 5.0, kill_pool),
        )

    def cut_off_workers(self, bench: RecoveryBench) -> float:
        """Cut the link of the host that runs the job until another one has continued it."""
        host = self._installation.host_of(bench.begin().pool)
        bench.afterwards.append(host.join)
        at = time.time()
        host.cut()
        return at

    def lose_workers(self, bench: RecoveryBench) -> float:
        """Lose the host that runs the job until another one has continued it."""
        host = self._installation.host_of(bench.begin().pool)
        bench.afterwards.append(lambda: self._installation.give_back(host))
        at = time.time()
        self._installation.take_away(host)
        return at

    def lose_redis(self, bench: RecoveryBench) -> float:
        """Lose the host of Redis, create a job, bring it back empty; return the time from which it responds."""
        host = self._hosts["redis"]
        self._installation.take_away(host)
        bench.create()
        time.sleep(1)
        self._installation.give_back(host)
        return until_it_is_so(self._installation.cluster.valkey.answers)

    def cut_off_database(self, bench: RecoveryBench) -> float:
        """Cut the link of PostgreSQL for longer than a lease; return when it is back."""
        host = self._hosts["database"]
        bench.begin()
        host.cut()
        time.sleep(self._lease_seconds * _LONGER_THAN_A_LEASE)
        at = time.time()
        host.join()
        return at

    def lose_database(self, bench: RecoveryBench) -> float:
        """Lose the host of PostgreSQL for longer than a lease; return when the server answers again."""
        host = self._hosts["database"]
        bench.begin()
        self._installation.take_away(host)
        time.sleep(self._lease_seconds * _LONGER_THAN_A_LEASE)
        self._installation.give_back(host)
        return until_it_is_so(self._installation.cluster.postgresql.answers)
