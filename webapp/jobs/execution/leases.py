"""Leases: who may run what. A work-horse runs under one; its worker beats it and settles it.

The lease belongs to the horse, not to a job: whatever is running under a lease when its horse
has ended, however it ended, is settled by the worker that saw it end; if the worker is gone
too, by the clock, once the lease has not been beaten for `LEASE_SECONDS` of the clock's own
monotonic time, and only if nobody has beaten it since. No time of two machines is ever compared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, delete, exists, insert, select, update
from uuid_utils.compat import uuid7

from webapp.db.engine import reading, writing, writing_autocommit
from webapp.fault_injection import faultpoint
from webapp.jobs.lifecycle import finish_family
from webapp.jobs.lifecycle.finish_attempt import Ending, Horse
from webapp.jobs.model import policies
from webapp.jobs.model.job import EventName, Job, Status
from webapp.jobs.store import lock_order
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs, leases, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The worker that answers for a lease: its host, the host's boot, its name and pid."""

    host: str
    boot_id: str
    worker: str
    pid: int


def boot_id() -> str:
    """Return what changes when this machine starts anew; empty where it cannot be told."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


class Leases:
    """The leases of one database."""

    def __init__(
        self, engine: Engine, wake: Callable[[str], None], may_rerun: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.engine = engine
        self._wake = wake
        self._may_rerun = may_rerun

    def open(self, holder: Holder, queue: str) -> UUID:
        """Begin a lease for a horse that is about to be forked."""
        lease_id = uuid7()
        row = {
            "id": lease_id,
            "host": holder.host,
            "boot_id": holder.boot_id,
            "worker": holder.worker,
            "worker_pid": holder.pid,
            "queue": queue,
        }
        with writing(self.engine) as connection:
            connection.execute(insert(leases).values(**row, beat_at=now(), started_at=now()))
        return lease_id

    def beat(self, lease_id: UUID) -> bool:
        """Keep a lease alive; False if it was reaped, and its horse must die at once.

        At once: a worker that freezes between an update and its commit would keep the lease locked.
        """
        statement = update(leases).where(leases.c.id == lease_id).values(beat=leases.c.beat + 1, beat_at=now())
        with writing_autocommit(self.engine) as connection:
            return connection.execute(statement).rowcount == 1

    def running_job(self, lease_id: UUID) -> Job | None:
        """Return the job that runs under a lease, if one does."""
        with reading(self.engine) as connection:
            row = connection.execute(select(jobs).where(jobs.c.lease_id == lease_id)).mappings().first()
        return to_job(row) if row else None

    def beats(self) -> Mapping[UUID, int | None]:
        """Return every lease with its beat counter, for the clock to watch.

        ``None`` counts for a lease that is gone although a job still runs under it: its horse
        slept through the lease's end and claimed once more before anybody could kill it.
        """
        with reading(self.engine) as connection:
            gone = dict.fromkeys(connection.execute(_GONE).scalars())
            return gone | {row.id: row.beat for row in connection.execute(select(leases.c.id, leases.c.beat))}

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
        """End the lease and what still runs under it; return those jobs as they were.

        A job that was asked to stop is cancelled. One whose type may be started again unasked
        waits again if it has attempts left, or if it was ended through no fault of its own
        (``hand_back``). Any other one fails with ``why``, a sentence, or is stale where nobody
        saw how it ended (``worker_gone``). ``peak_memory`` is in bytes. With ``unbeaten_since``,
        a beat, nothing happens if the lease was beaten again or ended meanwhile.
        """
        woken: set[str] = set()
        with writing(self.engine) as connection:
            lease = _take(connection, lease_id, unbeaten_since)
            if lease is None and unbeaten_since is not None:
                return ()
            horse = Horse(worker=lease.worker if lease else "", host=lease.host if lease else "", pid=horse_pid)
            left = _running_under(connection, lease_id)
            for job in left:
                ending = self._fate(job, why, hand_back=hand_back, worker_gone=worker_gone)
                woken |= _settle(connection, job, horse, replace(ending, peak_memory=peak_memory))
            faultpoint("settle.commit")
        faultpoint("settle.wake")
        for queue in woken:
            self._wake(queue)
        return left

    def _fate(self, job: Job, why: str, *, hand_back: bool, worker_gone: bool) -> Ending:
        """Say what becomes of a job whose horse is gone."""
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
        """Return the leases of this host whose worker is gone, by its pid or by a reboot."""
        with reading(self.engine) as connection:
            mine = connection.execute(select(leases).where(leases.c.host == host)).all()
        return tuple(row.id for row in mine if row.boot_id != boot_id or not is_alive(row.worker_pid))


_GONE = (
    select(jobs.c.lease_id)
    .where(jobs.c.lease_id.is_not(None), ~exists(select(leases.c.id).where(leases.c.id == jobs.c.lease_id)))
    .distinct()
)


def _take(connection: Connection, lease_id: UUID, beat: int | None) -> Row[str, str] | None:
    """End a lease, with ``beat`` only if it still stands there; a beat comes before or after, and then in vain."""
    unbeaten = [leases.c.beat == beat] if beat is not None else []
    ended = delete(leases).where(leases.c.id == lease_id, *unbeaten).returning(leases.c.worker, leases.c.host)
    return connection.execute(ended).first()


def _running_under(connection: Connection, lease_id: UUID) -> tuple[Job, ...]:
    """Lock what runs under a lease, so that whoever else ends it comes before or after, not in between."""
    mine = select(jobs.c.id).where(jobs.c.lease_id == lease_id)
    lock_order.lock_families(connection, connection.execute(mine).scalars().all())
    rows = connection.execute(select(jobs).where(jobs.c.lease_id == lease_id)).mappings()
    return tuple(to_job(row) for row in rows)


def _settle(connection: Connection, job: Job, horse: Horse, ending: Ending) -> set[str]:
    if ending.status is Status.QUEUED:
        return finish_family.end(connection, job, horse, ending) | {job.queue}
    at = connection.execute(select(now())).scalar_one().isoformat()
    return finish_family.end(connection, job, horse, ending, errors=[*job.errors, {"text": ending.error, "at": at}])
