"""Signals: what the application hears of jobs, after the commit, exactly once per transition.

A receiver is called as ``receiver(type_name, job=job)``, in the process that made the change and
perhaps in another thread than the main one; connect it to all types, or to one by its name:
``job_completed.connect(receiver, sender="data_export")``. It hears of what is done, so it can change
nothing of it: an error of a receiver is logged. Queueing (held or scheduled jobs that may be
picked now) and a root that waits for its children have no signal. Nobody listens: nothing is read.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from uuid import UUID

from blinker import Signal
from sqlalchemy import Connection, select

from webapp.db.engine import before_commit
from webapp.jobs.model.job import TERMINAL, Job, Status
from webapp.jobs.store.job_store import to_job
from webapp.schema import jobs

log = logging.getLogger(__name__)
_AT_ONCE = 500

job_created = Signal("A job was made; one that waits for something as well.")
job_started = Signal("An attempt has begun.")
job_progressed = Signal("A running job said how far it is, or what it does; at most every 250 ms.")
job_completed = Signal("A job did what it was asked to.")
job_failed = Signal("A job ended without its result.")
job_cancelled = Signal("A job was stopped.")
job_stale = Signal("A job was lost with its worker, and nobody may start it again unasked.")
job_retrying = Signal("A job will be tried again: by its policy, after its worker was lost, or because somebody asked.")

_OF_STATUS: Mapping[Status, Signal] = MappingProxyType(
    {
        Status.RUNNING: job_started,
        Status.COMPLETED: job_completed,
        Status.FAILED: job_failed,
        Status.CANCELLED: job_cancelled,
        Status.STALE: job_stale,
    }
)


def note(connection: Connection, signal: Signal, ids: Collection[UUID]) -> None:
    """Send a signal for each of the jobs once the transaction is committed, as they are then."""
    if ids and signal.receivers:
        before_commit(connection, partial(_prepared, signal, tuple(ids)))


def of_move(old: Status, new: Status) -> Signal | None:
    """Return the signal of a change of status; None where a job only waits for something else now."""
    if new in _OF_STATUS:
        return _OF_STATUS[new]
    again = old in TERMINAL or (old is Status.RUNNING and new is not Status.WAITING)
    return job_retrying if again else None


def note_move(connection: Connection, job_id: UUID, old: Status, new: Status) -> None:
    """Send the signal of a change of status, if it has one, as `note` does."""
    signal = of_move(old, new)
    if signal is not None:
        note(connection, signal, [job_id])


def send(signal: Signal, job: Job) -> None:
    """Send a signal now; the transition must be committed."""
    if not signal.receivers or signal.is_muted:
        return
    for receiver in tuple(signal.receivers_for(job.type)):
        try:
            receiver(job.type, job=job)
        except Exception:
            log.exception("A receiver of a signal failed; job %s is not touched by that.", job.id)


def _prepared(signal: Signal, ids: tuple[UUID, ...], connection: Connection) -> Callable[[], None]:
    return partial(_send_all, signal, tuple(_read(connection, ids)))


def _send_all(signal: Signal, those: tuple[Job, ...]) -> None:
    for job in those:
        send(signal, job)


def _read(connection: Connection, ids: tuple[UUID, ...]) -> Iterable[Job]:
    for first in range(0, len(ids), _AT_ONCE):
        some = select(jobs).where(jobs.c.id.in_(ids[first : first + _AT_ONCE])).order_by(jobs.c.id)
        yield from (to_job(row) for row in connection.execute(some).mappings())
