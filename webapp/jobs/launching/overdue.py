"""What the clock does with launches: end the jobs whose process does not come, and have unwanted processes stopped."""

import logging
from collections.abc import Callable

from webapp.fault_injection import faultpoint
from webapp.jobs.execution.leases import Leases
from webapp.jobs.launching.launches import Launches

log = logging.getLogger(__name__)
_STOP_SECONDS = 600.0  # after which nobody is asked to stop a process any more


def settle_launches(launches: Launches, leases: Leases, wake: Callable[[str], None]) -> int:
    """End launched jobs that were stopped, or whose process has not begun in time; return how many.

    A worker of the queue is woken for each process that is no longer wanted, because only it has the commands. If none
    has stopped it after ten minutes, for example because the queue has no launcher any more, it is left to itself.
    """
    overdue = launches.overdue()
    for lease_id, why in overdue.items():
        faultpoint("clock.launch")
        leases.settle(lease_id, why=why)
    queues = launches.queues_with_processes_to_stop()
    if queues and (count := launches.end_unstopped(_STOP_SECONDS)):
        log.warning(
            "Nobody has stopped %d launched processes whose jobs have ended; no worker tries it any more.", count
        )
    for queue in queues:
        wake(queue)
    return len(overdue)
