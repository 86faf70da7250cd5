"""The audit of commands: whoever sits at the machine did this."""

from contextlib import AbstractContextManager
from getpass import getuser
from typing import Any

from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.cli.context import services


def audited(
    action: AuditAction, kind: AuditTarget, object_id: object = "", **details: Any
) -> AbstractContextManager[None]:
    """Note what the block changes, together with the change; ``details`` are ``name``, ``before``, ``after``."""
    return services().audit.record_with_change(_line(action, kind, object_id, **details))


def note(action: AuditAction, kind: AuditTarget, object_id: object = "", **details: Any) -> None:
    """Note what is done already."""
    services().audit.record(_line(action, kind, object_id, **details))


def _line(action: AuditAction, kind: AuditTarget, object_id: object, **details: Any) -> AuditLine:
    return AuditLine(actor=_actor(), action=action, kind=kind, id=str(object_id), **details)


def _actor() -> AuditActor:
    try:
        return AuditActor(name=f"command line ({getuser()})")
    except (KeyError, OSError):  # a container may run as a number that has no name
        return AuditActor(name="command line")
