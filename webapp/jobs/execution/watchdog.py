"""The watch over one work-horse, kept by its worker: beats the lease, sees when it must end."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from webapp.jobs.execution.leases import Leases
from webapp.jobs.model.job import Job

HARD_LIMIT = timedelta(seconds=10)  # past its timeout, a job that did not end itself is ended
_LEAST = timedelta(seconds=1)
DATABASE_AWAY = "The database was unreachable for too long, so the job was killed."
_BEATS_PER_LEASE = 6
_FENCE = 2 / 3  # of a lease without a beat: the horse must be dead before anybody may take over


class Watchdog:
    """Looks after what runs under a lease. `check` is called every `interval_seconds`.

    ``drain_grace`` is what a running job has when its worker is stopped; ``timeout_of``,
    ``grace_of`` and ``stale_after_of`` tell, by job type, how long one may run, take to stop, and say
    nothing at all.
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
        self._leases = leases
        self._lease_id = lease_id
        self._lease_seconds = lease_seconds
        self._drain_grace = drain_grace.total_seconds()
        self._timeout_of = timeout_of
        self._grace_of = grace_of
        self._stale_after_of = stale_after_of
        self._beaten = self._beat_due = monotonic()
        self._interrupted: float | None = None
        self._seen: tuple[UUID, int] | None = None
        self._heard = 0
        self._seen_at = self._heard_at = self._stopping_at = 0.0
        self._is_stale = False

    def interrupt(self) -> None:
        """The worker is to stop: the running job has its grace from when this was first said."""
        if self._interrupted is None:
            self._interrupted = monotonic()

    @property
    def interrupted(self) -> bool:
        """Whether the worker is to stop."""
        return self._interrupted is not None

    def check(self) -> bool:
        """Beat the lease and look at what runs; return whether the horse must be killed, and keep why.

        The database may let it wait; `lease_ran_out` is for whoever does not.
        """
        began = monotonic()
        try:
            alive = self._beat(began)
            job = self._leases.running_job(self._lease_id) if alive else None
        except DBAPIError:
            alive, job = True, None
        self.kill_reason = self.kill_reason or self._judge(began, job, alive=alive)
        return bool(self.kill_reason)

    @property
    def seconds_left(self) -> float:
        """How long the horse may live on without another beat."""
        return self._beaten + self._lease_seconds * _FENCE - monotonic()

    def lease_ran_out(self) -> bool:
        """Tell whether no beat was heard for so long that the horse must be killed; ask nobody for it."""
        if self.seconds_left > 0:
            return False
        self.kill_reason = self.kill_reason or DATABASE_AWAY
        return True

    def settle(self, why: str, horse_pid: int, peak_memory: int) -> None:
        """End the lease, and what still runs under it; ``peak_memory`` is in bytes."""
        self._leases.settle(
            self._lease_id,
            why=why,
            horse_pid=horse_pid,
            peak_memory=peak_memory,
            hand_back=(self._interrupted is not None or self.kill_reason == DATABASE_AWAY) and not self._is_stale,
            worker_gone=self._is_stale,
        )

    def _beat(self, began: float) -> bool:
        if began < self._beat_due:
            return True
        alive = self._leases.beat(self._lease_id)
        self._beaten = began  # counted from before the beat was sent
        self._beat_due = began + self._lease_seconds / _BEATS_PER_LEASE
        return alive

    def _judge(self, at: float, job: Job | None, *, alive: bool) -> str:
        if not alive:
            return "Its lease expired because its worker sent no heartbeat."
        if at - self._beaten > self._lease_seconds * _FENCE:
            return DATABASE_AWAY
        if self._interrupted is not None and at - self._interrupted > self._drain_grace:
            return "The worker was stopped, and the job did not finish within the grace period."
        return self._judge_job(at, job) if job else ""

    def _judge_job(self, at: float, job: Job) -> str:
        if self._seen != (job.id, job.attempt):
            self._seen, self._seen_at, self._stopping_at, self._heard = (job.id, job.attempt), at, 0.0, 0
        if self._heard != job.version:  # each word is a new version of its row
            self._heard, self._heard_at = job.version, at
        if job.cancel_requested_at and not self._stopping_at:
            self._stopping_at = at
        if self._stopping_at and at - self._stopping_at > self._grace_of(job.type).total_seconds():
            return "It did not stop within its grace period and was killed."
        limit = self._timeout_of(job.type)
        if at - self._seen_at > (limit + min(HARD_LIMIT, max(_LEAST, limit))).total_seconds():
            return f"It ran longer than its limit of {limit} and was killed."
        return self._judge_silence(at, job)

    def _judge_silence(self, at: float, job: Job) -> str:
        """Take for lost what has said nothing for its type's time; never a root with parts that are still to come."""
        most = self._stale_after_of(job.type)
        if most is None or job.parts_left or at - self._heard_at <= most.total_seconds():
            return ""
        self._is_stale = True
        return f"It reported nothing for {most} and was marked as lost."
