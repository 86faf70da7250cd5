"""Optimistic updates: a pure step, applied to a job by compare-and-swap, with all its consequences.

This is how record-only jobs change: the code that does their work starts them, reports progress and
ends them. The consequences of an end are those of any other job: its root counts it, and its
dependents are released.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import writing
from webapp.jobs.definition.payload import Vault, payload_mask
from webapp.jobs.lifecycle import cascade, finish_family, retry
from webapp.jobs.lifecycle.job_options import check_change
from webapp.jobs.model import diagnostics, incoming_text, json_values
from webapp.jobs.model.job import EventName, IllegalTransition, Job, NotApproved, Status, WaitsForAnswer
from webapp.jobs.model.secret_mask import SecretMask
from webapp.jobs.store import events, lock_order, signals
from webapp.jobs.store.job_store import JobStore, StaleJob
from webapp.jobs.store.unique_keys import UniqueKeyTaken
from webapp.schema import database_time

_MAX_TRIES = 100
_PROGRESS = ("progress", "done", "total", "message")
Wake = Callable[[str], None]


class JobUpdater:
    """Applies steps to jobs."""

    def __init__(self, store: JobStore, wake: Wake, vault: Vault) -> None:
        self.store = store
        self._wake = wake
        self._vault = vault

    def change(self, job_id: UUID, step: Callable[[Job], Job]) -> Job:
        """Apply ``step`` to the job atomically; return the changed job.

        ``step`` is called again if the row has changed meanwhile, so it must be pure. A running root
        with children that is marked as completed waits for them, and then ends with them or when it is
        stopped, not by a change. Raises `IllegalTransition`, `BadRequest` for a field that no method of
        `Job` changes or a value that it does not take, `NotStorable` for JSON that the row cannot hold, and
        `UniqueKeyTaken` if another job holds the unique key; then nothing is written.
        """
        for _ in range(_MAX_TRIES):
            old = self.store.get(job_id)
            new = step(old)
            if new == old:
                return old
            changed = self._write(old, new)
            if changed is not None:
                return changed
        raise StaleJob(old)

    def persist(self, job: Job) -> Job:
        """Write a changed copy back, as `change` does; raise `StaleJob` if the row has changed since it was read."""
        current = self.store.get(job.id)
        changed = self._write(current, job) if current.version == job.version else None
        if changed is None:
            raise StaleJob(job)
        return changed

    def _write(self, old: Job, new: Job) -> Job | None:
        check_change(old, new)
        _refuse_moves(old, new)
        new = _validated(old, new, payload_mask(old.payload, self._vault))
        try:
            with writing(self.store.engine) as connection:
                if new.status is not old.status:
                    lock_order.lock_families(connection, [old.id])
                new = _with_times(connection, _waiting_for_children(old, new))
                if not self.store.swap(connection, old, new):
                    return None
                woken = _apply_consequences(connection, old, new)
                changed = self.store.read(connection, old.id)
        except IntegrityError:
            key = new.next_key or new.unique_key
            if key is None:
                raise
            raise UniqueKeyTaken(key) from None
        for queue in sorted(woken):
            self._wake(queue)
        return changed


def _refuse_moves(old: Job, new: Job) -> None:
    """Raise `IllegalTransition` for changes that only the end of an attempt, a retry, an edit or an approval makes."""
    waits = new.status is Status.WAITING and old.status is not Status.WAITING and not (old.is_running and old.parts)
    runs_again = old.is_finished and old.parts and not new.is_finished
    ends_early = old.parts and old.status is Status.WAITING and new.status is not Status.WAITING  # its children end it
    is_held_again = (
        new.status is Status.HELD and old.status is not Status.HELD
    )  # an edit that needs approval, or a question
    if waits or runs_again or ends_early or is_held_again:
        raise IllegalTransition(old.id, old.status, new.status)
    if not (old.may_run or new.status is Status.HELD or new.is_finished):
        raise NotApproved(old.id)
    if old.waits_for_answer and not (new.status is Status.HELD or new.is_finished):
        raise WaitsForAnswer(old.id)


def _waiting_for_children(old: Job, new: Job) -> Job:
    if old.is_running and old.parts and new.status is Status.COMPLETED:
        return replace(new, status=Status.WAITING, progress=old.progress)
    return new


def _apply_consequences(connection: Connection, old: Job, new: Job) -> set[str]:
    """Record the change and apply its consequences; return the queues in which jobs can now be claimed."""
    if new.status is old.status:
        if any(getattr(old, name) != getattr(new, name) for name in _PROGRESS):
            signals.send_after_commit(connection, signals.job_progressed, [new.id])
        return set()
    events.insert(connection, events.rows_of([new], _event_of(old, new)))
    signals.send_transition_after_commit(connection, new.id, old.status, new.status)
    if old.is_finished and old.root_id is not None:
        retry.uncount_child(connection, old.root_id, old.status)
    if new.status is Status.WAITING:
        return finish_family.release_children(connection, new.id)
    if not new.is_finished:
        return {new.queue} if new.status is Status.QUEUED else set()
    woken = finish_family.stop_or_discard_children(connection, new.id, is_final=True) if new.parts else set()
    return woken | cascade.apply_consequences(connection, [new.id])


def _event_of(old: Job, new: Job) -> EventName:
    if new.is_running:
        return EventName.STARTED
    if old.is_finished:
        return EventName.RETRIED
    interrupted = old.is_running and new.status is Status.QUEUED
    return EventName.INTERRUPTED if interrupted else EventName(new.status)


def _validated(old: Job, new: Job, mask: SecretMask) -> Job:
    """Return the job as it is stored; raise `NotStorable` for values that no database can store.

    As in what a handler reports, secrets of the payload are masked, except in the state, which the job needs.
    """
    message = incoming_text.clean_text(mask.text(new.message), incoming_text.MESSAGE_LIMIT)
    changed: dict[str, Any] = {"message": message}
    if new.state != old.state:
        changed["state"] = json_values.check_json(new.state, "The state of a job")
    if new.metadata != old.metadata:
        changed["metadata"] = mask.values(json_values.check_json(new.metadata, "The metadata of a job"))
    for name in ("warnings", "errors"):
        if getattr(new, name) != getattr(old, name):
            notes = [diagnostics.check_diagnostic(mask.values(note)) for note in getattr(new, name)]
            changed[name] = tuple(diagnostics.limit_diagnostics(notes))
    return replace(new, **changed)


def _with_times(connection: Connection, new: Job) -> Job:
    undated = [note for note in (*new.warnings, *new.errors) if "at" not in note]
    if not undated:
        return new
    at = database_time(connection).isoformat()
    return replace(new, warnings=_dated(new.warnings, at), errors=_dated(new.errors, at))


def _dated(notes: Sequence[Mapping[str, Any]], at: str) -> tuple[Mapping[str, Any], ...]:
    return tuple({**note, "at": note.get("at", at)} for note in notes)
