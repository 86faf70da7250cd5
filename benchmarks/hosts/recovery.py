"""The faults of hosts that are measured one at a time, with the bounds of docs/faults.md."""

import time

from benchmarks.chaos.recovery import Fault, RecoveryBench, kill_horse, kill_pool, kill_worker
from benchmarks.hosts.installation import HostInstallation
from benchmarks.hosts.servers import until_it_is_so

_LONGER_THAN_A_LEASE = 1.5


class HostFaults:
    """Faults of one installation."""

    def __init__(self, installation: HostInstallation, lease_seconds: float) -> None:
        self._installation = installation
        self._hosts = installation.cluster.hosts
        self._lease_seconds = lease_seconds

    def of_hosts(self) -> tuple[Fault, ...]:
        """Return the faults of hosts and links, with their goals."""
        lease = self._lease_seconds
        return (
            Fault("a worker host that is cut off", lease + 5.0, self.cut_off_workers),
            Fault("a lost worker host", lease + 5.0, self.lose_workers),
            Fault("a Redis host that was lost", 3.0, self.lose_redis),
            Fault("a database that was cut off", 5.0, self.cut_off_database),
            Fault("a database host that was lost", 5.0, self.lose_database),
        )

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
        until_it_is_so(self._installation.cluster.valkey.answers)
        return time.time()

    def cut_off_database(self, bench: RecoveryBench) -> float:
        """Cut the link of PostgreSQL for longer than a lease; return when it is back."""
        host = self._hosts["database"]
        bench.begin()
        host.cut()
        time.sleep(self._lease_seconds * _LONGER_THAN_A_LEASE)
        host.join()
        until_it_is_so(self._installation.cluster.postgresql.answers)
        return time.time()

    def lose_database(self, bench: RecoveryBench) -> float:
        """Lose the host of PostgreSQL for longer than a lease; return when the server answers again."""
        host = self._hosts["database"]
        bench.begin()
        self._installation.take_away(host)
        time.sleep(self._lease_seconds * _LONGER_THAN_A_LEASE)
        self._installation.give_back(host)
        until_it_is_so(self._installation.cluster.postgresql.answers)
        return time.time()
