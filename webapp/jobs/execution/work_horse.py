"""The work-horse: claims and runs queued jobs until its budget is used up.

This spreads the cost of a wake-up and a fork over many jobs. If queued jobs remain at the end, it pushes
one more wake-up, for a fresh work-horse. It also ends when a job has left something in its process that
could affect the next job, and after several failures in a row, whose common cause may be the process.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from webapp.db.engine import holding_connections
from webapp.db.retry import ignore_while_away, retry_while_away
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.executor import Executor
from webapp.jobs.execution.isolation.job_isolation import JobIsolation
from webapp.jobs.execution.isolation.peak_memory import peak_memory
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.model.job import EventName, Job
from webapp.jobs.queueing.claim import Claims

log = logging.getLogger(__name__)
MAX_FAILURES = 5  # in a row
_MEMORY_SHARE = 4  # one part in so many of the memory budget can remain in use after a job
_MEBIBYTE = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The number of jobs, seconds or MiB of memory after which a work-horse claims no further job."""

    jobs: int
    seconds: float
    megabytes: int


class WorkHorse:
    """Runs the jobs of one queue under one lease."""

    def __init__(
        self,
        claims: Claims,
        executor: Executor,
        budget: Budget,
        wake: Callable[[str], None],
        *,
        retry_seconds: float = 0.0,
    ) -> None:
        self._claims = claims
        self._executor = executor
        self._budget = budget
        self._wake = wake
        self._failures = 0  # in a row
        self._retry_seconds = retry_seconds  # how long a claim is retried while the database is away

    def drain(self, queue: str, lease_id: UUID, location: AttemptLocation) -> int:
        """Run queued jobs of ``queue`` until there are none or the budget is used up; return how many were run."""
        with holding_connections():
            return self._drain(queue, lease_id, location)

    def _drain(self, queue: str, lease_id: UUID, location: AttemptLocation) -> int:
        started, count = monotonic(), 0
        self._executor.isolation = JobIsolation(self._budget.megabytes * _MEBIBYTE // _MEMORY_SHARE)
        while not self._must_stop() and (job := self._next(queue, lease_id, fresh=count == 0)):
            faultpoint("horse.claimed")
            outcome = self._executor.run(job, location)
            faultpoint("horse.ended")
            count += 1
            if self._needs_fresh_process(job, outcome) or self._used_up(count, monotonic() - started):
                break
        self._executor.isolation = None
        ignore_while_away(lambda: self._wake_next(queue))  # otherwise the clock pushes the wake-up
        return count

    def _next(self, queue: str, lease_id: UUID, *, fresh: bool) -> Job | None:
        def claim() -> Job | None:
            return self._claims.claim(queue, lease_id, fresh=fresh)

        return retry_while_away(
            claim, again=lambda: self._claims.claimed_under(lease_id) or claim(), seconds=self._retry_seconds
        )

    def _must_stop(self) -> bool:
        return self._executor.interrupted or self._executor.draining

    def _needs_fresh_process(self, job: Job, outcome: EventName) -> bool:
        """Return whether the next job, or the rest of this one, must run in another work-horse."""
        self._failures = self._failures + 1 if outcome == EventName.FAILED else 0
        leftovers = self._executor.isolation.leftovers() if self._executor.isolation else ()
        if leftovers:
            log.warning("Job %s (%s) left behind: %s. Its work-horse ends.", job.id, job.type, ", ".join(leftovers))
        return bool(leftovers) or job.own_process or outcome == EventName.CONTINUED or self._failures >= MAX_FAILURES

    def _used_up(self, count: int, seconds: float) -> bool:
        megabytes = peak_memory() // _MEBIBYTE
        return count >= self._budget.jobs or seconds >= self._budget.seconds or megabytes >= self._budget.megabytes

    def _wake_next(self, queue: str) -> None:
        faultpoint("horse.baton")
        if self._claims.has_claimable(queue):
            self._wake(queue)
