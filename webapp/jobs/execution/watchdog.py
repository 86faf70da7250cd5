"""The watchdog of one work-horse, run by its worker: it keeps the lease alive and decides when to kill."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from webapp.jobs.execution.groups.group_size import MOST_SECONDS
from webapp.jobs.execution.leases import JobsUnderLease, Leases
from webapp.jobs.model.job import Job
from webapp.jobs.model.periods import period_in_units

HARD_LIMIT = timedelta(seconds=10)  # after its timeout, a job that has not stopped is killed
_MIN_LIMIT = timedelta(seconds=1)
DATABASE_AWAY = "The database was unreachable for too long, so the job was killed."
_BEATS_PER_LEASE = 6
_LONG = 3 * MOST_SECONDS  # since it was first seen
_FENCE = 2 / 3  # of a lease without a heartbeat: the work-horse must be dead before the job is rescued


class Watchdog:
    """Watches what runs under a lease. Call `check` every `interval_seconds`.

    ``drain_grace`` is the grace period of a running job when its worker stops. ``timeout_of``,
    ``grace_of`` and ``stale_after_of`` return, by job type, how long a job can run, take to stop, and
    report nothing.
    """

    def __init__(
        self,
        leases: Leases,
        lease_id: UUID,
        *,
        lease_seconds: float,
        drain_grace: timedelta,
        timeout_of: Callable[[str], timedelta],
        grace_of: Callable[[str], timedelta],
        stale_after_of: Callable[[str], timedelta | None] = lambda _: None,
    ) -> None:
        self.interval_seconds = min(1.0, lease_seconds / _BEATS_PER_LEASE)
        self.kill_reason = ""
        self.running: Job | None = None  # at the last check
        self._leases = leases
        self._lease_id = lease_id
        self._lease_seconds = lease_seconds
        self._drain_grace = drain_grace.total_seconds()
        self._timeout_of = timeout_of
        self._grace_of = grace_of
        self._stale_after_of = stale_after_of
        self._beaten_at = self._beat_due = monotonic()
        self._interrupted_at: float | None = None
        self._attempt: tuple[UUID, int] | None = None
        self._version = 0
        self._job_since = self._reported_at = self._stopping_at = 0.0
        self._is_stale = False

    def interrupt(self) -> None:
        """Start the grace period of the running job, because the worker stops; later calls change nothing."""
        if self._interrupted_at is None:
            self._interrupted_at = monotonic()

    @property
    def interrupted(self) -> bool:
        """Whether the worker stops."""
        return self._interrupted_at is not None

    def check(self) -> bool:
        """Send a heartbeat and check the running job; return whether the work-horse must be killed.

        The reason is in `kill_reason`. This can block on the database; `lease_ran_out` cannot.
        """
        at = monotonic()
        try:
            alive = self._beat(at)
            under_lease = self._leases.jobs_under(self._lease_id) if alive else JobsUnderLease()
            self._relieve(at, under_lease)
        except DBAPIError:
            alive, under_lease = True, JobsUnderLease()
        self.running = under_lease.running
        self.kill_reason = self.kill_reason or self._reason_to_kill(at, under_lease.running, alive=alive)
        return bool(self.kill_reason)

    @property
    def seconds_left(self) -> float:
        """How long the work-horse can live without another heartbeat."""
        return self._beaten_at + self._lease_seconds * _FENCE - monotonic()

    def lease_ran_out(self) -> bool:
        """Return whether the work-horse must be killed for lack of a heartbeat; does not use the database."""
        if self.seconds_left > 0:
            return False
        self.kill_reason = self.kill_reason or DATABASE_AWAY
        return True

    def settle(self, why: str, horse_pid: int = 0, peak_memory: int = 0) -> None:
        """End the lease and the job that still runs under it; ``peak_memory`` is in bytes."""
        self._leases.settle(
            self._lease_id,
            why=why,
            horse_pid=horse_pid,
            peak_memory=peak_memory,
            hand_back=(self._interrupted_at is not None or self.kill_reason == DATABASE_AWAY) and not self._is_stale,
            worker_gone=self._is_stale,
        )

    def _relieve(self, at: float, under_lease: JobsUnderLease) -> None:
        """Free the jobs that were claimed together with one that takes long."""
        job = under_lease.running
        if job and under_lease.others and self._attempt == (job.id, job.attempt) and at - self._job_since > _LONG:
            self._leases.relieve(self._lease_id, under_lease)

    def _beat(self, at: float) -> bool:
        if at < self._beat_due:
            return True
        alive = self._leases.beat(self._lease_id)
        self._beaten_at = at  # from before the heartbeat was sent
        self._beat_due = at + self._lease_seconds / _BEATS_PER_LEASE
        return alive

    def _reason_to_kill(self, at: float, job: Job | None, *, alive: bool) -> str:
        if not alive:
            return "Its lease expired because its worker sent no heartbeat."
        if at - self._beaten_at > self._lease_seconds * _FENCE:
            return DATABASE_AWAY
        if self._interrupted_at is not None and at - self._interrupted_at > self._drain_grace:
            return "The worker was stopped, and the job did not finish within the grace period."
        return self._reason_to_kill_job(at, job) if job else ""

    def _reason_to_kill_job(self, at: float, job: Job) -> str:
        if self._attempt != (job.id, job.attempt):
            self._attempt, self._job_since, self._stopping_at, self._version = (job.id, job.attempt), at, 0.0, 0
        if self._version != job.version:  # every report is a new version of its row
            self._version, self._reported_at = job.version, at
        if job.cancel_requested_at and not self._stopping_at:
            self._stopping_at = at
        if self._stopping_at and at - self._stopping_at > self._grace_of(job.type).total_seconds():
            return "It did not stop within its grace period and was killed."
        limit = self._timeout_of(job.type)
        if at - self._job_since > (limit + min(HARD_LIMIT, max(_MIN_LIMIT, limit))).total_seconds():
            return f"It ran longer than its limit of {period_in_units(limit)} and was killed."
        return self._reason_if_stale(at, job)

    def _reason_if_stale(self, at: float, job: Job) -> str:
        """Mark a job stale that reported nothing for `stale_after`, except a root with unfinished children."""
        limit = self._stale_after_of(job.type)
        if limit is None or job.parts_left or at - self._reported_at <= limit.total_seconds():
            return ""
        self._is_stale = True
        return f"It reported nothing for {period_in_units(limit)} and was marked as lost."
