"""Rescue the jobs of dead workers: settle every lease whose heartbeat has stopped.

Worker deaths are noticed first by their pool, which settles at once. This is for what no pool can
see: a machine that is gone, a pool that was killed, a worker that hangs.
"""

from time import monotonic
from uuid import UUID

from webapp.fault_injection import faultpoint
from webapp.jobs.execution.leases import Leases


class LeaseRescuer:
    """Finds leases without heartbeats, by the monotonic time of this process, and rescues their jobs."""

    def __init__(self, leases: Leases, lease_seconds: float) -> None:
        self._leases = leases
        self._lease_seconds = lease_seconds
        self._observed: dict[UUID, tuple[int | None, float]] = {}

    def rescue(self) -> int:
        """Settle every lease whose heartbeat has not changed for the lease time; return how many."""
        at = monotonic()
        heartbeats = self._leases.beats()
        self._observed = {lease: self._since(lease, beat, at) for lease, beat in heartbeats.items()}
        dead = {lease: beat for lease, (beat, since) in self._observed.items() if at - since > self._lease_seconds}
        for lease, beat in dead.items():
            faultpoint("clock.reap")
            why = "The machine that ran this job stopped responding."
            self._leases.settle(lease, why=why, worker_gone=True, unbeaten_since=beat)
        return len(dead)

    def reset(self) -> None:
        """Forget all observations, for example after the database was unreachable."""
        self._observed = {}

    def _since(self, lease: UUID, beat: int | None, at: float) -> tuple[int | None, float]:
        observed = self._observed.get(lease)
        return observed if observed and observed[0] == beat else (beat, at)
