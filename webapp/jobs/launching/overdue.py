"""What the clock does with launches: end the jobs whose process does not come, and have unwanted processes stopped."""

from collections.abc import Callable

from webapp.fault_injection import faultpoint
from webapp.jobs.execution.leases import Leases
from webapp.jobs.launching.launches import Launches


def settle_launches(launches: Launches, leases: Leases, wake: Callable[[str], None]) -> int:
    """End launched jobs that were stopped, or whose process has not begun in time; return how many.

    A worker of the queue is woken for each process that is no longer wanted, because only it has the commands.
    """
    overdue = launches.overdue()
    for lease_id, why in overdue.items():
        faultpoint("clock.launch")
        leases.settle(lease_id, why=why)
    for queue in launches.queues_with_processes_to_stop():
        wake(queue)
    return len(overdue)
