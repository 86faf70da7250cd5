"""Errors as groups of one fingerprint: adding up the failures of jobs, those that are tried again too.

A group that was resolved opens again when the error comes back; one that is ignored stays so.

The fingerprint of an error: the same for failures that have one cause, whatever they failed on. Pure.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, and_, select, update

from webapp.jobs.metrics import cursors as places
from webapp.jobs.metrics.cursors import upsert
from webapp.jobs.model.job import EventName
from webapp.schema import attempts, error_groups, error_hours, error_users, events, job_errors, jobs

_LONGEST = 500  # characters of a message that people read
_VARYING = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"0x[0-9a-f]+|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”"), "<text>"),
    (re.compile(r"(?:/[\w.@+-]+){2,}"), "<path>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<number>"),
    (re.compile(r"\s+"), " "),
)
_FRAME = re.compile(r'File "(?:.*[/\\])?([^"/\\]+)", line \d+, in (\S+)')


@dataclass(frozen=True, slots=True)
class ErrorSignature:
    """What tells errors apart: where it was raised (file and function) and what it says, without what varies."""

    fingerprint: str
    message: str
    place: str


def error_signature(type_name: str, error: str, traceback: str | None = None) -> ErrorSignature:
    """Return the mark of a failure of a job type; line numbers do not count, so that an edit keeps it."""
    frames = _FRAME.findall(traceback or "")
    place = f"{frames[-1][0]}, {frames[-1][1]}" if frames else ""
    said = _without_what_varies(error)
    digest = blake2b(f"{type_name}\0{said}\0{place}".encode(), digest_size=8).hexdigest()
    return ErrorSignature(fingerprint=digest, message=error.strip()[:_LONGEST], place=place[:200])


def _without_what_varies(error: str) -> str:
    said = error.strip()[:_LONGEST]
    for varying, instead in _VARYING:
        said = varying.sub(instead, said)
    return said


NAME = "errors"
BATCH = 2000
_FAILED = (EventName.FAILED, EventName.LOST, EventName.STALE)
_NO_WORDS = "No reason given."


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailure:
    """One failure of a job, with what it is to be recognised by."""

    signature: ErrorSignature
    type_name: str
    job_id: UUID
    owner_id: UUID | None
    at: datetime


def roll_up(engine: Engine) -> int:
    """Add the next failures to their groups; return how many events were looked at, 0 when there are no more."""
    with places.lock_cursor(engine, NAME) as (connection, cursor):
        last = places.last_settled_event(connection, cursor.event_id, BATCH)
        if last == cursor.event_id:
            return 0
        _add(connection, _failures(connection, cursor.event_id, last))
        places.move_cursor(connection, NAME, event_id=last)
        return last - cursor.event_id


def _failures(connection: Connection, after: int, last: int) -> list[AttemptFailure]:
    same = and_(attempts.c.job_id == events.c.job_id, attempts.c.number == events.c.attempt)
    found = (
        select(events.c.at, events.c.job_id, jobs.c.type, jobs.c.owner_id, jobs.c.errors, events.c.detail)
        .add_columns(attempts.c.error, attempts.c.traceback)
        .select_from(events.join(jobs, jobs.c.id == events.c.job_id).outerjoin(attempts, same))
        .where(events.c.id > after, events.c.id <= last, events.c.name.in_(_FAILED))
        .order_by(events.c.id)
    )
    return [_failure(row) for row in connection.execute(found)]


def _failure(row: Any) -> AttemptFailure:
    noted = row.errors[-1]["text"] if row.errors else ""
    said = row.error or row.detail or noted or _NO_WORDS
    return AttemptFailure(
        signature=error_signature(row.type, said, row.traceback),
        type_name=row.type,
        job_id=row.job_id,
        owner_id=row.owner_id,
        at=row.at,
    )


def _add(connection: Connection, failures: Sequence[AttemptFailure]) -> None:
    if not failures:
        return
    _add_to_groups(connection, failures)
    hours = Counter((one.signature.fingerprint, one.at.replace(minute=0, second=0, microsecond=0)) for one in failures)
    rows = [{"fingerprint": print_, "hour": hour, "count": count} for (print_, hour), count in sorted(hours.items())]
    upsert(connection, error_hours, rows, {"count": "add"})
    hit = sorted({(one.signature.fingerprint, one.owner_id) for one in failures if one.owner_id})
    upsert(connection, error_users, [{"fingerprint": print_, "user_id": user} for print_, user in hit])
    latest = {one.job_id: one.signature.fingerprint for one in failures}
    rows = [{"job_id": job_id, "fingerprint": latest[job_id]} for job_id in sorted(latest)]
    upsert(connection, job_errors, rows, {"fingerprint": "replace"})


def _add_to_groups(connection: Connection, failures: Sequence[AttemptFailure]) -> None:
    counts = Counter(one.signature.fingerprint for one in failures)
    in_time = sorted(failures, key=lambda one: one.at)
    first = {one.signature.fingerprint: one for one in reversed(in_time)}
    last = {one.signature.fingerprint: one for one in in_time}
    rows = [_group(first[print_], last[print_], counts[print_]) for print_ in sorted(counts)]
    newest = {"last_seen_at": "replace", "sample_job_id": "replace", "message": "replace", "count": "add"}
    upsert(connection, error_groups, rows, newest)
    back = (error_groups.c.fingerprint.in_(list(counts)), error_groups.c.state == "resolved")
    connection.execute(update(error_groups).where(*back).values(state="open", state_by=None, state_at=None))


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
