"""What an edit changes of a waiting job, and what it has changed, with secrets masked. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from webapp.jobs.definition.payload import is_secret
from webapp.jobs.model.job import Job

FIELDS = ("payload", "queue", "priority", "run_at", "tags")
_HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEdit:
    """The new values; None leaves a value as it is.

    Files and secrets of the ``payload`` that are not given stay too. ``run_at`` is the earliest start; with
    ``start_now``, a scheduled job is due at once. With a ``version``, the job must still have it.
    """

    payload: Mapping[str, Any] | BaseModel | None = None
    queue: str | None = None
    priority: int | None = None
    tags: Collection[str] | None = None
    run_at: datetime | None = None
    start_now: bool = False
    version: int | None = None


def changed_values(before: Job, after: Job) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the old and the new values of what differs, for the audit log; of a payload, the fields that differ."""
    names = [name for name in FIELDS if getattr(before, name) != getattr(after, name)]
    old, new = ({name: _plain(getattr(job, name)) for name in names} for job in (before, after))
    if "payload" in names:
        missing = object()
        every = {**before.payload, **after.payload}
        differing = [name for name in every if before.payload.get(name, missing) != after.payload.get(name, missing)]
        for values, job in ((old, before), (new, after)):
            values["payload"] = {name: _masked(job.payload[name]) for name in differing if name in job.payload}
    return old, new


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _masked(value: Any) -> Any:
    if is_secret(value):
        return _HIDDEN
    if isinstance(value, Mapping):
        return {name: _masked(item) for name, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value
