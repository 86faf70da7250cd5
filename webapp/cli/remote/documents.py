"""The documents of the API as the values that commands print."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.queries.log_lines import LogLine
from webapp.jobs.store.attachments import Attachment

_IDS = frozenset({"id", "triggered_by", "root_id", "again_of", "lease_id", "job_id", "user_id"})


def job_of(document: Mapping[str, Any]) -> Job:
    """Return a job."""
    owner = document["owner"]
    values = _known(Job, document) | {
        "status": Status(document["status"]),
        "owner": Owner(user_id=_id(owner["user_id"]), public=owner["public"], tenant=owner["tenant"]),
        "warnings": tuple(document["warnings"]),
        "errors": tuple(document["errors"]),
    }
    return Job(**values)


def attachment_of(document: Mapping[str, Any]) -> Attachment:
    """Return a file of a job."""
    return Attachment(**_known(Attachment, document))


def log_line_of(document: Mapping[str, Any]) -> LogLine:
    """Return a line of a log."""
    return LogLine(**_known(LogLine, document) | {"id": document["id"]})


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: _value(field.name, document[field.name]) for field in fields(kind) if field.name in document}


def _value(name: str, value: Any) -> Any:
    if name in _IDS and isinstance(value, str):
        return UUID(value)
    is_moment = isinstance(value, str) and (name == "at" or name.endswith("_at"))
    return datetime.fromisoformat(value) if is_moment else value


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None
