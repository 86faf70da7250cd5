"""The work-horse: claims and runs queued jobs until its budget is used up.

This spreads the cost of a wake-up and a fork over many jobs. The end of a job and the claim of the next one
are one transaction. When no job is queued, it lingers: it waits a moment for the next wake-up, because jobs
often come one by one. If queued jobs remain at the end, it pushes one more wake-up, for a fresh work-horse. It
also ends when a job has left something in its process that could affect the next job, and after several
failures in a row, whose common cause may be the process.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from webapp.db.engine import holding_connections
from webapp.db.retry import ignore_while_away, retry_while_away
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.executor import Executor
from webapp.jobs.execution.groups.begun_jobs import BegunJobs
from webapp.jobs.execution.groups.group_size import MOST_SECONDS, RunTimes
from webapp.jobs.execution.handler_errors import LaunchFailed
from webapp.jobs.execution.isolation.job_isolation import JobIsolation
from webapp.jobs.execution.isolation.peak_memory import peak_memory
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation
from webapp.jobs.model.job import EventName, Job
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.queueing.next_claim import ClaimedJobs, Following
from webapp.jobs.store.fence import LeaseLost

T = TypeVar("T")
log = logging.getLogger(__name__)
MAX_FAILURES = 5  # in a row
_EMPTY_CLAIMS = 2  # after which a queued job is for a fresh work-horse; after one claim, it may just have been queued
_MOST_EMPTY_CLAIMS = 9  # of a fresh one, if another transaction has locked the job
_FIRST_PAUSE_SECONDS = 0.01  # before the next of these claims; each further pause is twice as long
_MEMORY_SHARE = 4  # one part in so many of the memory budget can remain in use after a job
_MEBIBYTE = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The number of jobs, seconds or MiB of memory after which a work-horse claims no further job."""

    jobs: int
    seconds: float
    megabytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a work-horse is told: to run the jobs of a queue under a lease."""

    lease_id: UUID
    queue: str


class JobLauncher(Protocol):
    """Launches the jobs of some queues in processes of other systems."""

    def launches(self, queue: str) -> bool:
        """Return whether it launches the jobs of a queue."""

    def launch(self, job: Job, horse_lease: UUID) -> None:
        """Launch a claimed job; raises `LaunchFailed`, or `LeaseLost` if somebody else has it now."""

    def stop_unwanted(self, queue: str) -> None:
        """Stop the processes of jobs that have ended."""


MustStop = Callable[[], bool]
AwaitWakeUp = Callable[[float, MustStop], str | None]


class WorkHorse:
    """Runs jobs under one lease.

    With ``linger_seconds``, it waits so long for further wake-ups: ``await_wake_up`` returns the queue of the next one.
    """

    def __init__(
        self,
        claims: Claims,
        executor: Executor,
        budget: Budget,
        wake: Callable[[str], None],
        *,
        retry_seconds: float = 0.0,
        await_wake_up: AwaitWakeUp | None = None,
        linger_seconds: float = 0.0,
        begun_jobs: BegunJobs | None = None,
        launcher: JobLauncher | None = None,
    ) -> None:
        self._claims = claims
        self._executor = executor
        self._budget = budget
        self._wake = wake
        self._await_wake_up = await_wake_up
        self._linger_seconds = linger_seconds if await_wake_up else 0.0
        self._used_seconds = 0.0  # of the budget, for earlier orders
        self._deadline = 0.0  # of the order
        self._count = 0  # of the jobs that were run
        self._failures = 0  # in a row
        self._goes_on = True  # whether this process can run another job
        self._begun_jobs = begun_jobs
        self._launcher = launcher
        self._run_times = RunTimes()
        self._began = 0.0  # the job that runs
        self._following = Following()  # the end of the last job
        self._rest: ClaimedJobs | None = None  # of a group, which have not begun
        self._retry_seconds = retry_seconds  # how long a claim is retried while the database is away

    def drain(self, queue: str, lease_id: UUID, location: AttemptLocation) -> int:
        """Run queued jobs of ``queue`` until there are none or the budget is used up; return how many were run."""
        orders = iter([Order(lease_id=lease_id, queue=queue)])
        return self.serve(lambda: next(orders, None), location)

    def serve(self, await_order: Callable[[], Order | None], location: AttemptLocation) -> int:
        """Carry out orders until there are no more or the budget is used up; return how many jobs were run.

        All that can be prepared is done before the first one comes.
        """
        with holding_connections():
            self._executor.begun = self._begun_jobs.file_of(location.worker) if self._begun_jobs else None
            self._executor.isolation = JobIsolation(self._budget.megabytes * _MEBIBYTE // _MEMORY_SHARE)
            ignore_while_away(self._claims.connect)
            while self._goes_on and (order := await_order()):
                began = monotonic()
                self._deadline = began + self._budget.seconds - self._used_seconds
                self._goes_on = self._carry_out(order, location)
                self._used_seconds += monotonic() - began
            if self._executor.begun:
                self._executor.begun.close()
            self._executor.isolation = self._executor.begun = None
        return self._count

    def _carry_out(self, order: Order, location: AttemptLocation) -> bool:
        """Run the jobs of an order; return whether the process can carry out another one."""
        queue: str | None = order.queue
        if self._executor.begun:
            self._executor.begun.open(order.lease_id)
        empty_claims = 0  # in a row
        while queue is not None:
            before = self._count
            self._run_jobs(queue, order.lease_id, location)
            empty_claims = empty_claims + 1 if self._count == before else 0
            can_go_on = self._goes_on and not self._must_stop()
            if not self._has_claimable(queue):
                queue, empty_claims = self._linger(queue) if can_go_on else None, 0
            elif can_go_on and empty_claims < _EMPTY_CLAIMS:
                continue
            elif can_go_on and self._expects_unlock(order.lease_id, empty_claims):
                queue = self._await_unlock(queue, _FIRST_PAUSE_SECONDS * 2 ** (empty_claims - _EMPTY_CLAIMS))
            else:
                self._wake(queue)
                return False
        return self._goes_on and not self._must_stop() and not self._used_up()

    def _run_jobs(self, queue: str, lease_id: UUID, location: AttemptLocation) -> None:
        before = self._count
        if self._launcher and self._launcher.launches(queue):
            self._launcher.stop_unwanted(queue)
        job = self._claim(queue, lease_id, fresh=self._count == 0)
        while job:
            if self._count == before + 1:
                self._wake(queue)  # there are more jobs than one, so another worker helps; and that one wakes the next
            faultpoint("horse.claimed")
            self._count += 1
            self._began = monotonic()
            self._run(queue, lease_id, job, location)
            faultpoint("horse.ended")
            if self._rest and not self._following.is_claimed:
                self._give_back(lease_id, location)
            job = self._next(queue, lease_id, location) if self._goes_on else None

    def _run(self, queue: str, lease_id: UUID, job: Job, location: AttemptLocation) -> None:
        follow = partial(self._prepare_next, queue, lease_id, job)
        if self._launcher is None or not self._launcher.launches(queue):
            self._executor.run(job, location, follow)
            return
        self._following = Following()
        begun = self._executor.begun
        if begun:  # else the launch of a work-horse that dies now would count as one that has not begun
            begun.begin(job, datetime.now(UTC))
        try:
            self._launcher.launch(job, lease_id)
        except LaunchFailed as failure:
            self._executor.run(job, location, follow, failure=failure)
        except LeaseLost:
            log.warning("Job %s was launched, and is no longer this worker's.", job.id)
        if begun:
            begun.forget()

    def _linger(self, queue: str) -> str | None:
        """Wait for the next wake-up and return its queue; ``None`` if the work-horse ends."""
        faultpoint("horse.lingers")
        seconds = min(self._linger_seconds, self._deadline - monotonic())
        woken = self._await_wake_up(seconds, self._must_stop) if self._await_wake_up and seconds > 0 else None
        if woken is not None:
            faultpoint("horse.woken")
        elif self._must_stop() and self._has_claimable(queue):  # the signal may have hit just after a wake-up
            self._wake(queue)
        return woken

    def _expects_unlock(self, lease_id: UUID, empty_claims: int) -> bool:
        """Return whether another process would claim no more than this fresh one: the queued job is locked."""
        can_wait = self._await_wake_up is not None and empty_claims < _MOST_EMPTY_CLAIMS
        return can_wait and self._count == 0 and self._has_lease(lease_id)

    def _await_unlock(self, queue: str, seconds: float) -> str:
        """Wait for the end of the transaction that has locked a job; return the queue to claim from then.

        A wake-up of another queue ends this, so that a locked job does not hold up others.
        """
        woken = self._await_wake_up(seconds, self._must_stop) if self._await_wake_up else None
        if woken is None or woken == queue:
            return queue
        self._wake(queue)
        return woken

    def _prepare_next(self, queue: str, lease_id: UUID, job: Job, outcome: EventName) -> Following:
        """Return what follows the end of ``job``, if this work-horse runs another one."""
        self._run_times.add(job.type, monotonic() - self._began)
        self._goes_on = not (self._needs_fresh_process(job, outcome) or self._used_up())
        self._following = self._find_following(queue, lease_id, job)
        return self._following

    def _find_following(self, queue: str, lease_id: UUID, job: Job) -> Following:
        if not self._goes_on or self._must_stop():
            return Following()
        if self._rest:
            return Following(is_claimed=self._rest.age < MOST_SECONDS)
        remaining = self._budget.jobs - self._count
        group = self._run_times.group_after(job.type, remaining) if self._executor.begun else None
        return Following(claim=self._claims.next_claim(queue, lease_id, group))

    def _next(self, queue: str, lease_id: UUID, location: AttemptLocation) -> Job | None:
        """Return the job that was claimed with the end of the last one or with others, or claim one."""
        if self._rest and self._following.is_claimed:
            return self._rest.begin()
        claim = self._following.claim
        if claim and (job := claim.take()):
            self._rest = claim.rest
            return job
        if claim and claim.is_uncertain:
            if claim.size > 1:
                self._give_back(lease_id, location)
            return self._retry(lambda: self._claims.claimed_under(lease_id)) or self._claim(queue, lease_id)
        return self._claim(queue, lease_id, only_restricted=claim is not None and claim.is_made)

    def _give_back(self, lease_id: UUID, location: AttemptLocation) -> None:
        """Give back the jobs of a group that do not begin: one took longer than expected, or this process must end."""
        self._rest = None
        self._retry(partial(self._executor.give_back, lease_id, location))

    def _claim(self, queue: str, lease_id: UUID, *, fresh: bool = False, only_restricted: bool = False) -> Job | None:
        if self._must_stop():
            return None

        def claim() -> Job | None:
            return self._claims.claim(queue, lease_id, fresh=fresh)

        def claim_restricted() -> Job | None:
            return self._claims.claim_restricted(queue, lease_id)

        return self._retry(
            claim_restricted if only_restricted else claim,
            again=lambda: self._claims.claimed_under(lease_id) or claim(),
        )

    def _retry(self, action: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        return retry_while_away(action, again=again, seconds=self._retry_seconds)

    def _must_stop(self) -> bool:
        return self._executor.interrupted or self._executor.draining

    def _needs_fresh_process(self, job: Job, outcome: EventName) -> bool:
        """Return whether the next job, or the rest of this one, must run in another work-horse."""
        self._failures = self._failures + 1 if outcome == EventName.FAILED else 0
        leftovers = self._executor.isolation.leftovers() if self._executor.isolation else ()
        if leftovers:
            log.warning("Job %s (%s) left behind: %s. Its work-horse ends.", job.id, job.type, ", ".join(leftovers))
        return bool(leftovers) or job.own_process or outcome == EventName.CONTINUED or self._failures >= MAX_FAILURES

    def _used_up(self) -> bool:
        budget, megabytes = self._budget, peak_memory() // _MEBIBYTE
        return self._count >= budget.jobs or monotonic() >= self._deadline or megabytes >= budget.megabytes

    def _has_lease(self, lease_id: UUID) -> bool:
        with suppress(DBAPIError):
            return self._claims.is_leased(lease_id)
        return False

    def _has_claimable(self, queue: str) -> bool:
        """Return whether a queue has jobs for another work-horse; not while the database is away: the clock looks."""
        faultpoint("horse.baton")
        with suppress(DBAPIError):
            return self._claims.has_claimable(queue)
        return False
