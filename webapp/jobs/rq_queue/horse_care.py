"""What whoever has started a work-horse does for it: it takes its output, answers requests, and settles its end."""

import logging
import time
from collections.abc import Callable
from math import inf
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from webapp.db.retry import one_line
from webapp.jobs.execution.process_snapshots.snapshot_taker import SnapshotTaker
from webapp.jobs.execution.watchdog import Watchdog
from webapp.jobs.execution.worker_heartbeat import StopRequest, WorkerHeartbeat
from webapp.jobs.rq_queue.horse_process import HorseExit, HorseProcess

log = logging.getLogger(__name__)


class HorseCare:
    """Cares for the work-horses of one process. ``keep_output`` adds output to the log of the job under a lease."""

    def __init__(
        self,
        worker_heartbeat: WorkerHeartbeat,
        snapshot_taker: SnapshotTaker,
        keep_output: Callable[[UUID, bytes], bool],
    ) -> None:
        self._worker_heartbeat = worker_heartbeat
        self._snapshot_taker = snapshot_taker
        self._keep_output = keep_output

    def look_after(self, horse: HorseProcess, watchdog: Watchdog) -> StopRequest | None:
        """Do what is due every second; return the current request to stop."""
        if dropped := horse.output.relieve():
            log.warning("Dropped %d bytes of output: native code wrote them and kept Python from reading.", dropped)
        request = self._worker_heartbeat.poll(horse.pid)
        if requested := self._worker_heartbeat.requested_snapshot:
            patience = watchdog.interval_seconds / 2  # the next heartbeat of the lease waits meanwhile
            self._snapshot_taker.take(
                requested, watchdog.running, pid=horse.pid, channel=horse.stacks, patience=patience
            )
            self._worker_heartbeat.requested_snapshot = None
        return request

    def settle(
        self, watchdog: Watchdog, ended: HorseExit | None, lease_id: UUID, output: bytes, *, patience: float = inf
    ) -> None:
        """Settle what ran in a work-horse that has ended, or waits for another order.

        Waits for the database, at most ``patience`` seconds: after a lease, the clock settles what is left.
        """
        until = time.monotonic() + patience
        while True:
            try:
                if output.strip() and not self._keep_output(lease_id, output):
                    log.warning(
                        "The last output of a work-horse: %s", output.decode(errors="backslashreplace").rstrip()
                    )
                output = b""
                if ended is None:
                    return watchdog.settle("")
                return watchdog.settle(watchdog.kill_reason or ended.sentence, ended.pid, ended.peak_memory)
            except DBAPIError as error:
                if time.monotonic() > until:
                    raise
                log.warning(
                    "The database cannot be reached (%s); the lease is settled when it is back.", one_line(error)
                )
                time.sleep(1)
