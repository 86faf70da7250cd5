"""The clock: starts scheduled jobs, promotes due jobs, tops up wake-ups, rescues lost jobs, starts maintenance.

Any number of clocks can run at once.
"""

import logging
import signal
import threading
from datetime import timedelta
from itertools import count
from time import time
from types import FrameType

from redis import RedisError
from sqlalchemy.exc import DBAPIError

from webapp.db.retry import ignore_while_away
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.execution.worker_heartbeat import remove_silent_workers
from webapp.jobs.launching.overdue import settle_launches
from webapp.jobs.maintenance.clock_chores import promote_due, release_jobs_with_free_keys, top_up_wake_ups
from webapp.jobs.maintenance.rescue import LeaseRescuer
from webapp.jobs.maintenance.stale_records import mark_silent_records_stale
from webapp.jobs.monitoring.clock_heartbeat import ClockHeartbeat
from webapp.jobs.queueing.rates import admit_due
from webapp.jobs.store.unique_keys import DuplicateJob
from webapp.services import Services

log = logging.getLogger(__name__)
TICK_SECONDS = 1.0
MAINTENANCE = "maintenance"  # job type and unique key, so that only one runs at a time
MAINTENANCE_EVERY = timedelta(hours=1)
_ROLLUP_EVERY = 5  # ticks


class Clock:
    """Does the frequent chores itself, and starts the `maintenance` job every hour for the others."""

    def __init__(self, services: Services) -> None:
        self._services = services.build()
        self._rescuer = LeaseRescuer(services.leases, services.settings.lease_seconds)
        self._heartbeat = ClockHeartbeat(services.engine)
        self._limits = {job_type.name: job_type.limits for job_type in services.registry}
        self._stopped = threading.Event()
        self._ticks = count()
        if not services.budgets.are_on:
            ignore_while_away(services.budgets.forget)

    def run(self) -> None:
        """Tick every second until SIGTERM or SIGINT."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._stop)
        while not self._stopped.wait(_until_next_second()):
            self.tick()
        ignore_while_away(self._heartbeat.stop)

    def _stop(self, sig: int, _: FrameType | None) -> None:
        self._stopped.set()
        signal.signal(sig, signal.SIG_DFL)  # a second signal ends the process at once

    def tick(self) -> None:
        """Do one round of chores. Errors are logged, and the next round tries again."""
        try:
            self._round()
        except DBAPIError as error:
            self._rescuer.reset()
            log.warning("The database cannot be reached: %s", error.orig)
        except RedisError as error:
            log.warning("Redis cannot be reached: %s", error)
        except Exception:
            log.exception("A round of the clock failed.")

    def _round(self) -> None:
        services = self._services
        services.schedule_runner.fire_due()
        promote_due(services.engine)
        admit_due(services.engine, self._limits)
        release_jobs_with_free_keys(services.engine)
        services.jobs.expire_approvals()
        services.jobs.look_after_questions()
        self._rescuer.rescue()
        settle_launches(services.launches, services.leases, services.wake_ups.push)
        mark_silent_records_stale(services.jobs, services.registry)
        remove_silent_workers(services.engine, services.settings.lease_seconds)
        self._start_maintenance()
        if next(self._ticks) % _ROLLUP_EVERY == 0:
            services.metrics.roll_up()
            services.budgets.roll_up()
            services.notification_watch.run()
        self._heartbeat.beat()  # the chores below need Redis
        top_up_wake_ups(services.engine, services.wake_ups.top_up)

    def _start_maintenance(self) -> None:
        jobs, reads = self._services.jobs, self._services.queries.jobs
        if MAINTENANCE not in self._services.registry:
            return
        last = reads.last_created_at(MAINTENANCE)
        if last is not None and reads.now() - last < MAINTENANCE_EVERY:
            return
        try:
            jobs.create_system_job(MAINTENANCE, public=False, unique_key=MAINTENANCE)
        except (DuplicateJob, TypeDisabled):
            return  # another clock started it, or the type is disabled


def _until_next_second() -> float:
    """Return the seconds until the next full second, when schedules fire."""
    return TICK_SECONDS - time() % TICK_SECONDS
