"""Group failures by fingerprint and count them by the hour, including failed attempts that were retried.

A resolved group reopens when the error happens again; an ignored group stays ignored.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, and_, select, update

from webapp.jobs.metrics import cursors
from webapp.jobs.metrics.cursors import upsert
from webapp.jobs.metrics.error_signature import ErrorSignature, error_signature
from webapp.jobs.model.job import EventName
from webapp.schema import attempts, error_groups, error_hours, error_users, events, job_errors, jobs

NAME = "errors"
BATCH = 2000
_FAILED = (EventName.FAILED, EventName.LOST, EventName.STALE)
_NO_REASON = "No reason given."


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailure:
    """One failed attempt and its signature."""

    signature: ErrorSignature
    type_name: str
    job_id: UUID
    owner_id: UUID | None
    at: datetime


def roll_up(engine: Engine) -> int:
    """Add the next failures to their groups; return how many events were read, 0 if there are no more."""
    with cursors.lock_cursor(engine, NAME) as (connection, cursor):
        last = cursors.last_settled_event(connection, cursor.event_id, BATCH)
        if last == cursor.event_id:
            return 0
        _add(connection, _failures(connection, cursor.event_id, last))
        cursors.move_cursor(connection, NAME, event_id=last)
        return last - cursor.event_id


def _failures(connection: Connection, after: int, last: int) -> list[AttemptFailure]:
    attempt_of_event = and_(attempts.c.job_id == events.c.job_id, attempts.c.number == events.c.attempt)
    query = (
        select(events.c.at, events.c.job_id, jobs.c.type, jobs.c.owner_id, jobs.c.errors, events.c.detail)
        .add_columns(attempts.c.error, attempts.c.traceback)
        .select_from(events.join(jobs, jobs.c.id == events.c.job_id).outerjoin(attempts, attempt_of_event))
        .where(events.c.id > after, events.c.id <= last, events.c.name.in_(_FAILED))
        .order_by(events.c.id)
    )
    return [_failure(row) for row in connection.execute(query)]


def _failure(row: Any) -> AttemptFailure:
    last_error = row.errors[-1]["text"] if row.errors else ""
    message = row.error or row.detail or last_error or _NO_REASON
    keys = (error.get("key", "") for error in reversed(row.errors) if error["text"] == message)
    return AttemptFailure(
        signature=error_signature(row.type, message, row.traceback, key=next(keys, "")),
        type_name=row.type,
        job_id=row.job_id,
        owner_id=row.owner_id,
        at=row.at,
    )


def _add(connection: Connection, failures: Sequence[AttemptFailure]) -> None:
    if not failures:
        return
    _add_to_groups(connection, failures)
    hours = Counter(
        (failure.signature.fingerprint, failure.at.replace(minute=0, second=0, microsecond=0)) for failure in failures
    )
    rows = [
        {"fingerprint": fingerprint, "hour": hour, "count": count}
        for (fingerprint, hour), count in sorted(hours.items())
    ]
    upsert(connection, error_hours, rows, {"count": "add"})
    affected = sorted({(failure.signature.fingerprint, failure.owner_id) for failure in failures if failure.owner_id})
    upsert(connection, error_users, [{"fingerprint": fingerprint, "user_id": user} for fingerprint, user in affected])
    latest = {failure.job_id: failure.signature.fingerprint for failure in failures}
    rows = [{"job_id": job_id, "fingerprint": latest[job_id]} for job_id in sorted(latest)]
    upsert(connection, job_errors, rows, {"fingerprint": "replace"})


def _add_to_groups(connection: Connection, failures: Sequence[AttemptFailure]) -> None:
    counts = Counter(failure.signature.fingerprint for failure in failures)
    by_time = sorted(failures, key=lambda failure: failure.at)
    first = {failure.signature.fingerprint: failure for failure in reversed(by_time)}
    last = {failure.signature.fingerprint: failure for failure in by_time}
    rows = [_group(first[fingerprint], last[fingerprint], counts[fingerprint]) for fingerprint in sorted(counts)]
    changes = {"last_seen_at": "replace", "sample_job_id": "replace", "message": "replace", "count": "add"}
    upsert(connection, error_groups, rows, changes)
    reopened = (error_groups.c.fingerprint.in_(list(counts)), error_groups.c.state == "resolved")
    connection.execute(update(error_groups).where(*reopened).values(state="open", state_by=None, state_at=None))


def _group(first: AttemptFailure, last: AttemptFailure, count: int) -> dict[str, Any]:
    return {
        "fingerprint": last.signature.fingerprint,
        "type": last.type_name,
        "message": last.signature.message,
        "place": last.signature.place,
        "sample_job_id": last.job_id,
        "count": count,
        "first_seen_at": first.at,
        "last_seen_at": last.at,
    }
