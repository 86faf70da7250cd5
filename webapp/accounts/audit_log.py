"""Writes the audit log: one line per action, in the transaction of the change if there is one.

Lines are never changed or deleted and contain no secrets: ``before`` and ``after`` hold a few
plain values. The actor's name is stored with the line, so it stays readable after the account
is gone.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, insert

from webapp.db.engine import in_next_transaction, writing
from webapp.schema import audit, now

_LONGEST = 4000  # characters of JSON; more than that is not "a few plain values"


class AuditAction(StrEnum):
    """What was done. The values are stored; views/admin/audit.py translates them."""

    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_OUT = "sign_out"
    USER_ADD = "user_add"
    USER_CHANGE = "user_change"
    USER_ROLE = "user_role"
    USER_DISABLE = "user_disable"
    USER_ENABLE = "user_enable"
    USER_PASSWORD = "user_password"  # noqa: S105  (the name of an action, not a password)
    JOB_CREATE = "job_create"
    JOB_STOP = "job_stop"
    JOB_RETRY = "job_retry"
    JOB_RUN_AGAIN = "job_run_again"
    JOB_DELETE = "job_delete"
    JOB_PRIORITY = "job_priority"
    JOB_KEEP = "job_keep"
    JOB_PUBLIC = "job_public"
    JOBS_BULK = "jobs_bulk"
    JOBS_EXPORT = "jobs_export"
    FILE_DOWNLOAD = "file_download"
    FILE_REMOVE = "file_remove"
    QUEUE_ADD = "queue_add"
    QUEUE_PAUSE = "queue_pause"
    QUEUE_RESUME = "queue_resume"
    QUEUE_LIMIT = "queue_limit"
    QUEUE_EMPTY = "queue_empty"
    WORKER_DRAIN = "worker_drain"
    WORKER_STOP = "worker_stop"
    SCHEDULE_ADD = "schedule_add"
    SCHEDULE_CHANGE = "schedule_change"
    SCHEDULE_PAUSE = "schedule_pause"
    SCHEDULE_RESUME = "schedule_resume"
    SCHEDULE_RUN = "schedule_run"
    SCHEDULE_REMOVE = "schedule_remove"
    TYPE_ENABLE = "type_enable"
    TYPE_DISABLE = "type_disable"
    ERROR_RESOLVE = "error_resolve"
    ERROR_IGNORE = "error_ignore"
    ERROR_REOPEN = "error_reopen"
    ERROR_RETRY = "error_retry"
    SETTINGS_CHANGE = "settings_change"
    AUDIT_EXPORT = "audit_export"


class AuditTarget(StrEnum):
    """What kind of object the action affected."""

    USER = "user"
    JOB = "job"
    JOBS = "jobs"
    FILE = "file"
    QUEUE = "queue"
    WORKER = "worker"
    SCHEDULE = "schedule"
    TYPE = "type"
    ERROR = "error"
    SETTINGS = "settings"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditActor:
    """Who acted: a user with an IP address, or a command line user, who has no ``id``."""

    name: str
    id: UUID | None = None
    role: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One action. ``name`` is the display name of the object, stored in case the object is deleted."""

    actor: AuditActor
    action: AuditAction
    kind: AuditTarget
    id: str = ""
    name: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class AuditLog:
    """Writes the audit log of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, line: AuditLine) -> None:
        """Record an action that is already done or changes nothing else in the database."""
        with writing(self._engine) as connection:
            write_line(connection, line)

    def record_with_change(self, line: AuditLine) -> AbstractContextManager[None]:
        """Record a change together with it: the block's first transaction writes both or neither."""
        return in_next_transaction(lambda connection: write_line(connection, line))


def write_line(connection: Connection, line: AuditLine) -> None:
    """Record an action in the caller's transaction."""
    who = line.actor
    connection.execute(
        insert(audit).values(
            at=now(),
            actor_id=who.id,
            actor=who.name[:120],
            role=who.role,
            address=who.address[:64],
            action=line.action.value,
            kind=line.kind.value,
            object_id=str(line.id)[:80],
            object_name=line.name[:200],
            before=_small(line.before),
            after=_small(line.after),
        )
    )


def _small(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    text = json.dumps(dict(values), default=str)
    kept: dict[str, Any] = json.loads(text) if len(text) <= _LONGEST else {"left_out": f"{len(text)} characters"}
    return kept
