"""Leases: the right of a work-horse to run jobs. Its worker keeps the lease alive and settles it.

A lease belongs to a work-horse, not to a job. When the work-horse has ended for any reason, its
worker settles every job that was still running under the lease. If the worker is dead too, the clock
does it, once the lease had no heartbeat for `LEASE_SECONDS` of the clock's own monotonic time, and only
if no heartbeat has arrived since. The times of two machines are never compared.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Connection,
    Engine,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    true,
    update,
)
from uuid_utils.compat import uuid7

from webapp.db.engine import is_sqlite, reading, writing, writing_autocommit
from webapp.db.prepared_statement import PreparedStatement
from webapp.fault_injection import faultpoint
from webapp.jobs.execution.groups.begun_jobs import BegunJob, BegunJobs, BegunUnderLease
from webapp.jobs.execution.groups.give_back import give_back
from webapp.jobs.lifecycle import finish_family
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation, Ending
from webapp.jobs.model import policies
from webapp.jobs.model.job import NO_QUEUE, EventName, Job, Status
from webapp.jobs.queueing.claim import OUTLOOK, Claims
from webapp.jobs.store import lock_order
from webapp.jobs.store.fence import LeaseLost
from webapp.jobs.store.job_store import to_job
from webapp.schema import database_time, jobs, launches, leases, now

_WAITS_FOR_PROCESS = exists(  # a launched job, whose lease has no row
    select(literal_column("1")).where(
        launches.c.job_id == jobs.c.id, launches.c.attempt == jobs.c.attempt, launches.c.lease_id == jobs.c.lease_id
    )
)
HAS_LEASE = or_(exists(select(leases.c.id).where(leases.c.id == jobs.c.lease_id)), _WAITS_FOR_PROCESS)
_ORPHANED = select(jobs.c.lease_id).where(jobs.c.lease_id.is_not(None), ~HAS_LEASE).distinct()

# The end of most leases: no job runs under it
_END_UNUSED = PreparedStatement(
    delete(leases)
    .where(
        leases.c.id == bindparam("ended_lease"),
        ~exists(select(literal_column("1")).where(jobs.c.lease_id == bindparam("ended_lease"))),
    )
    .returning(leases.c.id)
)
_UNDER_LEASE = select(jobs).where(jobs.c.lease_id == bindparam("of_lease"))
COMPLETED = Ending(status=Status.COMPLETED, outcome=EventName.COMPLETED)
_OPENED_WITH = ("id", "host", "boot_id", "worker", "worker_pid", "queue")
_OPEN = PreparedStatement(insert(leases).values(beat_at=now(), started_at=now()).inline(), columns=_OPENED_WITH)


def _open_asynchronously(outlook: CTE | None = None) -> PreparedStatement:
    """Open a lease, or with an ``outlook`` only if a job is queued that no pause or limit can hold back (PostgreSQL).

    The commit does not wait for the disk: that of the claim does, which follows it in the log. If the server crashes
    before, there is neither.
    """
    given = [bindparam(name, type_=leases.c[name].type) for name in _OPENED_WITH]
    conditions = () if outlook is None else (outlook.c.has_queued, not_(outlook.c.restricted))
    row = select(*given, now(), now()).where(*conditions)
    opened = insert(leases).from_select([*_OPENED_WITH, "beat_at", "started_at"], row).cte("opened")
    asynchronous = func.set_config("synchronous_commit", "off", true()).label("asynchronous")
    return PreparedStatement(select(*(() if outlook is None else outlook.c), asynchronous).add_cte(opened))


_OPEN_ASYNCHRONOUSLY = _open_asynchronously()
_OPEN_IF_CLAIMABLE = _open_asynchronously(OUTLOOK.cte("outlook"))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsUnderLease:
    """The job that runs under a lease, and those that were claimed with it and have not ended in the database."""

    running: Job | None = None
    others: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The worker that is responsible for a lease: its host, the host's boot id, its name and pid."""

    host: str
    boot_id: str
    worker: str
    pid: int


def boot_id() -> str:
    """Return an id that changes when this machine reboots; an empty text where there is none."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def insert_lease(connection: Connection, holder: Holder, queue: str) -> UUID:
    """Insert a lease of a work-horse; return its id."""
    lease_id = uuid7()
    _OPEN.execute(connection, _row(lease_id, holder, queue))
    return lease_id


def _row(lease_id: UUID, holder: Holder, queue: str) -> dict[str, Any]:
    return {
        "id": lease_id,
        "host": holder.host,
        "boot_id": holder.boot_id,
        "worker": holder.worker,
        "worker_pid": holder.pid,
        "queue": queue,
    }


class Leases:
    """The leases of one database."""

    def __init__(
        self,
        engine: Engine,
        wake: Callable[[str], None],
        may_rerun: Callable[[str], bool] = lambda _: True,
        begun_jobs: BegunJobs | None = None,
    ) -> None:
        self.engine = engine
        self._wake = wake
        self._may_rerun = may_rerun
        self._begun_jobs = begun_jobs

    def open(self, holder: Holder, queue: str) -> UUID:
        """Open a lease for a work-horse that waits for it."""
        with writing_autocommit(self.engine) as connection:
            if is_sqlite(self.engine):
                return insert_lease(connection, holder, queue)
            lease_id = uuid7()
            _OPEN_ASYNCHRONOUSLY.first(connection, _row(lease_id, holder, queue))
            return lease_id

    def open_if_claimable(self, claims: Claims, holder: Holder, queue: str) -> UUID | None:
        """Open a lease for a work-horse that waits for it if it would find a job; return its id, or ``None``."""
        if not (is_sqlite(self.engine) or claims.are_limited or queue == NO_QUEUE):
            lease_id = uuid7()
            values = _row(lease_id, holder, queue) | {"wanted_queue": queue}
            with writing_autocommit(self.engine) as connection:
                outlook = _OPEN_IF_CLAIMABLE.first(connection, values) or {}
            if not outlook["has_queued"]:
                return None
            if not outlook["restricted"]:
                return lease_id
        return self.open(holder, queue) if claims.has_claimable(queue) else None

    def beat(self, lease_id: UUID) -> bool:
        """Send a heartbeat; return False if the lease was rescued, so its work-horse must be killed immediately.

        One statement: a worker that freezes between an update and its commit would keep the lease locked.
        """
        statement = update(leases).where(leases.c.id == lease_id).values(beat=leases.c.beat + 1, beat_at=now())
        with writing_autocommit(self.engine) as connection:
            return connection.execute(statement).rowcount == 1

    def running_job(self, lease_id: UUID) -> Job | None:
        """Return the job that runs under a lease, if one does."""
        return self.jobs_under(lease_id).running

    def jobs_under(self, lease_id: UUID) -> JobsUnderLease:
        """Return the job that runs under a lease, and those that were claimed with it."""
        with reading(self.engine) as connection:
            found = tuple(to_job(row) for row in connection.execute(_UNDER_LEASE, {"of_lease": lease_id}).mappings())
            if len(found) <= 1:
                return JobsUnderLease(running=found[0] if found else None)
            lease = connection.execute(select(leases.c.worker).where(leases.c.id == lease_id)).first()
        noted = self._noted(lease_id, lease.worker if lease else None)
        running = [job for job in found if noted and noted.is_running(job)]
        if not running:
            return JobsUnderLease()  # in the moment between two jobs
        return JobsUnderLease(running=running[0], others=tuple(job for job in found if job.id != running[0].id))

    def relieve(self, lease_id: UUID, under_lease: JobsUnderLease) -> None:
        """Free the jobs that were claimed with one that takes long: end the completed ones, give back the others.

        It must have run for longer than `group_size.MOST_SECONDS`: its work-horse begins no other job of the group.
        """
        woken: set[str] = set()
        with writing(self.engine) as connection:
            lease = connection.execute(select(leases).where(leases.c.id == lease_id)).first()
            noted = self._noted(lease_id, lease.worker if lease else None)
            if lease and noted and under_lease.running and noted.is_running(under_lease.running):
                location = AttemptLocation(worker=lease.worker, host=lease.host, pid=noted.pid)
                woken = _free_group(connection, lease_id, under_lease.others, noted, location)
            faultpoint("relieve.commit")
        for queue in woken:
            self._wake(queue)

    def _noted(self, lease_id: UUID, worker: str | None) -> BegunUnderLease | None:
        return self._begun_jobs.under(lease_id, worker) if self._begun_jobs and worker else None

    def beats(self) -> Mapping[UUID, int | None]:
        """Return every lease with its heartbeat counter, for the clock to watch.

        The counter is ``None`` for a lease that is gone although a job still runs under it: its
        work-horse was suspended when the lease ended, and claimed once more before it was killed.
        """
        with reading(self.engine) as connection:
            orphaned = dict.fromkeys(connection.execute(_ORPHANED).scalars())
            return orphaned | {row.id: row.beat for row in connection.execute(select(leases.c.id, leases.c.beat))}

    def settle(
        self,
        lease_id: UUID,
        *,
        why: str,
        horse_pid: int = 0,
        peak_memory: int | None = None,
        hand_back: bool = False,
        worker_gone: bool = False,
        unbeaten_since: int | None = None,
    ) -> tuple[Job, ...]:
        """End the lease and the jobs that still run under it; return these jobs as they were before.

        A job that was asked to stop is cancelled. A job whose type can be rerun (``rerun_lost``) is
        queued again if it has attempts left, or if the interruption was not its fault (``hand_back``).
        Any other job fails with the message ``why``, or becomes stale if its end was not observed
        (``worker_gone``). ``peak_memory`` is in bytes. With ``unbeaten_since``, a heartbeat counter,
        nothing happens if another heartbeat arrived or the lease ended in the meantime. Without it, the caller
        knows that the work-horse is dead, so what it has noted holds: its completed jobs are completed, and those that
        have not begun are given back.
        """
        if unbeaten_since is None and self._end_unused(lease_id):
            return ()
        woken: set[str] = set()
        with writing(self.engine) as connection:
            lease = _delete(connection, lease_id, unbeaten_since)
            if lease is None and unbeaten_since is not None:
                return ()
            location = AttemptLocation(
                worker=lease.worker if lease else "", host=lease.host if lease else "", pid=horse_pid
            )
            still_running = _lock_running_jobs(connection, lease_id)
            noted = self._noted(lease_id, lease.worker) if lease and unbeaten_since is None else None
            unfinished = still_running
            if noted:
                unfinished = tuple(job for job in still_running if noted.is_running(job) or job.own_process)
                free = tuple(job for job in still_running if job not in unfinished)
                woken |= _free_group(connection, lease_id, free, noted, replace(location, pid=noted.pid))
            for job in unfinished:
                ending = self._ending_of(job, why, hand_back=hand_back, worker_gone=worker_gone)
                woken |= _settle(connection, job, location, replace(ending, peak_memory=peak_memory))
            faultpoint("settle.commit")
        faultpoint("settle.wake")
        for queue in woken:
            self._wake(queue)
        return still_running

    def _end_unused(self, lease_id: UUID) -> bool:
        """End a lease in one statement if no job runs under it; return whether that was so.

        A work-horse that claims at this moment holds the lease's row, or finds it gone.
        """
        with writing_autocommit(self.engine) as connection:
            return _END_UNUSED.first(connection, {"ended_lease": lease_id}) is not None

    def _ending_of(self, job: Job, why: str, *, hand_back: bool, worker_gone: bool) -> Ending:
        """Return how a job ends when its work-horse is gone."""
        if job.cancel_requested_at:
            return Ending(status=Status.CANCELLED, outcome=EventName.CANCELLED, cancel_kind="forced", error=why)
        may_rerun = self._may_rerun(job.type)
        if hand_back and may_rerun and not policies.too_many_interruptions(job):
            return Ending(status=Status.QUEUED, outcome=EventName.INTERRUPTED, error=why)
        if hand_back and may_rerun:
            why = policies.TOO_MANY_INTERRUPTIONS
        if job.attempt < job.max_attempts and may_rerun:
            return Ending(status=Status.QUEUED, outcome=EventName.LOST, error=why)
        status = Status.STALE if worker_gone else Status.FAILED
        return Ending(status=status, outcome=EventName(status), error=why)

    def held_by_worker(self, worker: str) -> tuple[UUID, ...]:
        """Return the leases that a worker holds, by its name."""
        with reading(self.engine) as connection:
            return tuple(connection.execute(select(leases.c.id).where(leases.c.worker == worker)).scalars())

    def held_by_dead_workers(self, host: str, is_alive: Callable[[int], bool], boot_id: str) -> tuple[UUID, ...]:
        """Return the leases of this host whose worker is dead: its process is gone, or the host has rebooted."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(leases).where(leases.c.host == host)).all()
        return tuple(row.id for row in rows if row.boot_id != boot_id or not is_alive(row.worker_pid))


def _delete(connection: Connection, lease_id: UUID, beat: int | None) -> Row[str, str] | None:
    """End a lease; with ``beat`` only if its counter still has that value. A later heartbeat finds no lease."""
    unbeaten = [leases.c.beat == beat] if beat is not None else []
    ended = delete(leases).where(leases.c.id == lease_id, *unbeaten).returning(leases.c.worker, leases.c.host)
    return connection.execute(ended).first()


def _lock_running_jobs(connection: Connection, lease_id: UUID) -> tuple[Job, ...]:
    """Lock and return the jobs that run under a lease, so that no other transaction ends them at the same time."""
    under_lease = select(jobs.c.id).where(jobs.c.lease_id == lease_id)
    lock_order.lock_families(connection, connection.execute(under_lease).scalars().all())
    rows = connection.execute(select(jobs).where(jobs.c.lease_id == lease_id)).mappings()
    return tuple(to_job(row) for row in rows)


def _free_group(
    connection: Connection,
    lease_id: UUID,
    free: Sequence[Job],
    noted: BegunUnderLease,
    location: AttemptLocation,
) -> set[str]:
    """End the jobs that have completed, and give back the others; return the queues in which jobs can be claimed."""
    woken: set[str] = set()
    waiting: list[UUID] = []
    for job in free:
        begun = noted.of(job)
        if begun is None:
            waiting.append(job.id)
        else:
            woken |= _complete(connection, job, begun, location)
    return woken | give_back(connection, lease_id, waiting, location) if waiting else woken


def _complete(connection: Connection, job: Job, begun: BegunJob, location: AttemptLocation) -> set[str]:
    ending = replace(COMPLETED, cpu_seconds=begun.cpu_seconds, peak_memory=begun.peak_memory)
    with suppress(LeaseLost):  # its work-horse has written it meanwhile
        return finish_family.end_attempt(connection, replace(job, started_at=begun.begun_at), location, ending)
    return set()


def _settle(connection: Connection, job: Job, location: AttemptLocation, ending: Ending) -> set[str]:
    if ending.status is Status.QUEUED:
        return finish_family.end_attempt(connection, job, location, ending) | {job.queue}
    at = database_time(connection).isoformat()
    return finish_family.end_attempt(
        connection, job, location, ending, errors=[*job.errors, {"text": ending.error, "at": at}]
    )
