"""Records actions of the signed-in user in the audit log, with their IP address.

>>> with audited(AuditAction.QUEUE_PAUSE, AuditTarget.QUEUE, name, after={"reason": reason}):
...     services().queues.pause(name, reason=reason, by=signed_in().id)
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from flask import Response, request
from sqlalchemy import Connection

from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.audit_log_writer import row_of, write_line
from webapp.accounts.user import User
from webapp.db.joined_insert import JoinedRow
from webapp.jobs.editing.job_edit import changed_values
from webapp.jobs.model.job import Job
from webapp.telemetry.log_context import add_request_fields
from webapp.views.page.request import services, signed_in

ACTED_FOR = "for"  # in the ``after`` of a line


def audited(
    action: AuditAction, kind: AuditTarget, object_id: object = "", **details: Any
) -> AbstractContextManager[None]:
    """Record the change that the block makes, in its transaction; ``details`` are ``name``, ``before``, ``after``."""
    return services().audit.record_with_change(_line(action, kind, object_id, request_actor(signed_in()), **details))


def record_audit(action: AuditAction, kind: AuditTarget, object_id: object = "", **details: Any) -> None:
    """Record an action that is already done."""
    services().audit.record(_line(action, kind, object_id, request_actor(signed_in()), **details))


def record_download(
    response: Response, action: AuditAction, kind: AuditTarget, object_id: object = "", **details: Any
) -> Response:
    """Record that the download of a response begins, unless only its headers are asked for; return the response.

    Call it last: a download that is refused does not begin.
    """
    try:
        if request.method != "HEAD":
            record_audit(action, kind, object_id, **details)
    except BaseException:
        response.close()  # which leaves the share of the user
        raise
    return response


def line_of(action: AuditAction, kind: AuditTarget, object_id: object, **details: Any) -> AuditLine:
    """Return the line of an action of the signed-in user, to be written in the transaction of the change."""
    return _line(action, kind, object_id, request_actor(signed_in()), **details)


def record_creation(
    job: Job, *, action: AuditAction = AuditAction.JOB_CREATE, after: Mapping[str, Any] | None = None
) -> JoinedRow:
    """Return the line which records, in the transaction of a new job, that the signed-in user starts it."""
    add_request_fields(job_id=str(job.id))
    actor = request_actor(signed_in())
    return row_of(_line(action, AuditTarget.JOB, job.id, actor, name=job.title, after=after or {"type": job.type}))


def record_edit(connection: Connection, before: Job, after: Job) -> None:
    """Record in the transaction of an edit what the signed-in user has changed of a job."""
    old, new = changed_values(before, after)
    actor = request_actor(signed_in())
    change = {"name": after.title, "before": old, "after": new}
    write_line(connection, _line(AuditAction.JOB_EDIT, AuditTarget.JOB, after.id, actor, **change))


def acting_for(owner_id: UUID | None) -> dict[str, str]:
    """Return the owner of what the signed-in user starts or retries for somebody else, for the ``after`` of a line."""
    owner = services().accounts.get(owner_id) if owner_id not in {None, signed_in().id} else None
    return {ACTED_FOR: owner.name} if owner else {}


def audited_as(user: User, action: AuditAction, **details: Any) -> AbstractContextManager[None]:
    """Record what a user who is not signed in yet does to their own account."""
    return services().audit.record_with_change(
        _line(action, AuditTarget.USER, user.name, request_actor(user), name=user.display_name, **details)
    )


def record_refused_sign_in(action: AuditAction, name: str, **details: Any) -> None:
    """Record a refused sign-in; ``name`` is the name of an existing account, or empty."""
    services().audit.record(_line(action, AuditTarget.USER, name, request_actor(None), **details))


def request_actor(user: User | None) -> AuditActor:
    """Return the actor of this request; without a user, only the IP address."""
    address = request.remote_addr or ""
    if user is None:
        return AuditActor(name="", address=address)
    token = getattr(user, "api_token", None)
    name = token.name if token else ""
    return AuditActor(id=user.id, name=user.name, role=user.role.value, address=address, token=name)


def _line(action: AuditAction, kind: AuditTarget, object_id: object, who: AuditActor, **details: Any) -> AuditLine:
    return AuditLine(actor=who, action=action, kind=kind, id=str(object_id), **details)
