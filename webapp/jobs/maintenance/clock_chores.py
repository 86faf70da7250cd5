"""What the clock does every second: promote due jobs, top up wake-ups, rescue the jobs of dead leases."""

from collections.abc import Callable, Mapping
from time import monotonic
from uuid import UUID

from sqlalchemy import Engine, bindparam, func, select

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.leases import Leases
from webapp.jobs.queueing.claim import QUEUED, count_queued
from webapp.jobs.store.transitions import promoted
from webapp.schema import jobs, now, queues

_NEXT_QUEUE = select(func.min(jobs.c.queue)).where(QUEUED, jobs.c.queue > bindparam("last"))
_PAUSED = select(queues.c.name).where(queues.c.paused_at.is_not(None))


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


def promote_due(engine: Engine) -> int:
    """Queue every scheduled job that is due; return how many."""
    is_due = jobs.c.run_at <= now()
    # locked rows follow in a second
    unlocked = select(jobs.c.id).where(promoted.guard, is_due).with_for_update(skip_locked=True, key_share=True)
    with writing(engine) as connection:
        statement = promoted.update().where(jobs.c.id.in_(unlocked), is_due)
        count = connection.execute(statement).rowcount
        if count:
            faultpoint("clock.promote")
        return count


def top_up_wake_ups(engine: Engine, top_up: Callable[[str, int], int], ceiling: int = 1000) -> Mapping[str, int]:
    """Push missing wake-ups for queued jobs; return how many, by queue."""
    rows_by_queue = _queued_by_queue(engine, ceiling)
    if rows_by_queue:
        faultpoint("clock.top-up")
    return {queue: top_up(queue, rows) for queue, rows in rows_by_queue.items()}


def _queued_by_queue(engine: Engine, ceiling: int) -> dict[str, int]:
    """Skip from queue to queue along the index of claims, without reading a million queued rows."""
    found: dict[str, int] = {}
    last = ""
    with reading(engine) as connection:
        paused = set(connection.execute(_PAUSED).scalars())
        while queue := connection.execute(_NEXT_QUEUE, {"last": last}).scalar():
            if queue not in paused:
                found[queue] = count_queued(connection, queue, ceiling)
            last = queue
    return found
