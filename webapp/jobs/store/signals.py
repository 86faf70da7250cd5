"""Signals: notify application code of job changes, after the commit and exactly once per transition.

A receiver is called as ``receiver(type_name, job=job)``, in the process that made the change and
possibly in another thread than the main one. Connect it to all types, or to one type by name:
``job_completed.connect(receiver, sender="data_export")``. It cannot prevent the change; an error in
a receiver is logged. No signal is sent when a held or scheduled job is queued, or when a root
starts to wait for its children. Without receivers, no job is read.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Protocol
from uuid import UUID
from weakref import ReferenceType, WeakKeyDictionary, ref

from blinker import Signal
from sqlalchemy import Connection, Engine, select

from webapp.db.engine import before_commit
from webapp.jobs.model.job import TERMINAL, Job, Status
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs

log = logging.getLogger(__name__)
_BATCH = 500

job_created = Signal("A job was created, including held and scheduled jobs.")
job_started = Signal("An attempt has started.")
job_progressed = Signal("A running job reported progress or a message; at most every 250 ms.")
job_completed = Signal("A job completed; `Job.done_with_warnings` says whether it has warnings.")
job_failed = Signal("A job failed.")
job_cancelled = Signal("A job was stopped.")
job_stale = Signal("A job was lost with its worker and is not retried automatically.")
job_retrying = Signal(
    "A job will run again: by its retry policy, after its worker was lost, or because a user retried it."
)

_FAILURES = (job_failed, job_stale)
_listeners: WeakKeyDictionary[Engine, "ReferenceType[FailureListener]"] = WeakKeyDictionary()
_OF_STATUS: Mapping[Status, Signal] = MappingProxyType(
    {
        Status.RUNNING: job_started,
        Status.COMPLETED: job_completed,
        Status.FAILED: job_failed,
        Status.CANCELLED: job_cancelled,
        Status.STALE: job_stale,
    }
)


class FailureListener(Protocol):
    """Learns of jobs that have finally failed or were lost, by their type."""

    @property
    def types(self) -> Collection[str]:
        """The job types of which it wants to know."""

    def job_failed(self, job: Job) -> None:
        """Handle a failed job; called after the commit, once."""


def listen_for_failures(engine: Engine, listener: FailureListener) -> None:
    """Call ``listener`` for every failure in this database that this process commits; it replaces the one before.

    A signal has receivers in the whole process; this belongs to one database, and lives as long as the listener.
    """
    _listeners[engine] = ref(listener)


def send_after_commit(connection: Connection, signal: Signal, ids: Collection[UUID]) -> None:
    """Send a signal for each job when the transaction is committed, with the job as it is then."""
    if ids and (signal.receivers or _listener(connection.engine, signal)):
        before_commit(connection, partial(_prepare, signal, tuple(ids)))


def signal_of(old: Status, new: Status) -> Signal | None:
    """Return the signal of a change of status; None if the job only waits for something else."""
    if new in _OF_STATUS:
        return _OF_STATUS[new]
    runs_again = old in TERMINAL or (old is Status.RUNNING and new is not Status.WAITING)
    return job_retrying if runs_again else None


def send_transition_after_commit(connection: Connection, job_id: UUID, old: Status, new: Status) -> None:
    """Send the signal of a change of status, if it has one, after the commit."""
    signal = signal_of(old, new)
    if signal is not None:
        send_after_commit(connection, signal, [job_id])


def send(signal: Signal, job: Job) -> None:
    """Send a signal now; the change must be committed."""
    if not signal.receivers or signal.is_muted:
        return
    for receiver in tuple(signal.receivers_for(job.type)):
        try:
            receiver(job.type, job=job)
        except Exception:
            log.exception("A signal receiver failed; job %s is not affected.", job.id)


def _listener(engine: Engine, signal: Signal) -> FailureListener | None:
    """Return the listener of a database, if the signal is a failure and a job type wants to know."""
    reference = _listeners.get(engine) if signal in _FAILURES else None
    listener = reference() if reference else None
    return listener if listener and listener.types else None


def _prepare(signal: Signal, ids: tuple[UUID, ...], connection: Connection) -> Callable[[], None]:
    return partial(_send_all, signal, tuple(_read(connection, ids)), _listener(connection.engine, signal))


def _send_all(signal: Signal, changed: tuple[Job, ...], listener: FailureListener | None) -> None:
    for job in changed:
        send(signal, job)
        if listener and job.type in listener.types:
            _tell(listener, job)


def _tell(listener: FailureListener, job: Job) -> None:
    try:
        listener.job_failed(job)
    except Exception:
        log.exception("The failure hook of job %s was not created.", job.id)


def _read(connection: Connection, ids: tuple[UUID, ...]) -> Iterable[Job]:
    for first in range(0, len(ids), _BATCH):
        batch = select(jobs).where(jobs.c.id.in_(ids[first : first + _BATCH])).order_by(jobs.c.id)
        yield from (to_job(row) for row in connection.execute(batch).mappings())
