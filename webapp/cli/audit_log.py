"""Record commands in the audit log, under the name of the operating system's user."""

from contextlib import AbstractContextManager
from getpass import getuser
from typing import Any

from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.cli.context import services
from webapp.jobs.model.job import Job


def audited(
    action: AuditAction, kind: AuditTarget, object_id: object = "", **details: Any
) -> AbstractContextManager[None]:
    """Record the change that the block makes, in its transaction; ``details`` are ``name``, ``before``, ``after``."""
    return services().audit.record_with_change(_line(action, kind, object_id, **details))


def record(action: AuditAction, kind: AuditTarget, object_id: object = "", **details: Any) -> None:
    """Record a change that is already made."""
    services().audit.record(_line(action, kind, object_id, **details))


def record_edit(connection: Any, before: Job, after: Job) -> None:
    """Record in the transaction of an edit what it has changed of a job."""
    from webapp.accounts.audit_log_writer import write_line
    from webapp.jobs.editing.job_edit import changed_values

    old, new = changed_values(before, after)
    change = {"name": after.title, "before": old, "after": new}
    write_line(connection, _line(AuditAction.JOB_EDIT, AuditTarget.JOB, after.id, **change))


def _line(action: AuditAction, kind: AuditTarget, object_id: object, **details: Any) -> AuditLine:
    return AuditLine(actor=_actor(), action=action, kind=kind, id=str(object_id), **details)


def _actor() -> AuditActor:
    try:
        return AuditActor(name=f"command line ({getuser()})")
    except (KeyError, OSError):  # a container can run as a user ID without a name
        return AuditActor(name="command line")
