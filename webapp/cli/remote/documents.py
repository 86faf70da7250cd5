"""The documents of the API as the values that commands print: the engine's own where they load no database."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from webapp.accounts.user import Role, User
from webapp.cli.command_group import Failed
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.schedules.cron_rule import CronRule
from webapp.jobs.schedules.misfires import MisfirePolicy
from webapp.jobs.schedules.schedule import RunOutcome, Schedule, ScheduleRun

_IDS = frozenset({"id", "triggered_by", "again_of", "imported_by", "edited_by"})
_TEXTS = frozenset({"message_id", "request_id"})  # ids that others chose
_TIMES = frozenset({"at", "old_secret_until"})
_PERIODS = frozenset({"silent_for"})


class Record(SimpleNamespace):
    """The values of a document whose class in the engine would load the database."""

    def __getattr__(self, name: str) -> Any:
        """Say in one sentence that the installation did not send a value."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise Failed(_missing(name))

    def is_active(self, at: datetime) -> bool:
        """Whether a token works at a time, if its user is not disabled."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def record_of(document: Mapping[str, Any], *names: str) -> Record:
    """Return the values of these names, or all; ids, times and periods are values of their types."""
    return Record(**{name: _value(name, _read(document, name)) for name in names or document})


def job_of(document: Mapping[str, Any]) -> Job:
    """Return a job."""
    values = _known(Job, document) | {
        "status": Status(_read(document, "status")),
        "owner": _owner_of(document),
        "warnings": tuple(_read(document, "warnings")),
        "errors": tuple(_read(document, "errors")),
    }
    return Job(**values)


def user_of(document: Mapping[str, Any]) -> User:
    """Return a user."""
    return User(**_known(User, document) | {"role": Role(_read(document, "role"))})


def schedule_of(document: Mapping[str, Any]) -> Schedule:
    """Return a schedule."""
    values = {
        field.name: _value(field.name, _read(document, field.name))
        for field in fields(Schedule)
        if field.name not in {"rule", "missed", "owner", "tags"}
    }
    values["tags"] = tuple(_read(document, "tags"))
    rule = CronRule(_read(document, "rule"), _read(document, "zone"))
    return Schedule(**values, rule=rule, missed=MisfirePolicy(_read(document, "missed")), owner=_owner_of(document))


def run_of(document: Mapping[str, Any]) -> ScheduleRun:
    """Return a run of a schedule."""
    status = _read(document, "status")
    return ScheduleRun(
        **_known(ScheduleRun, document)
        | {"outcome": RunOutcome(_read(document, "outcome")), "status": Status(status) if status else None}
    )


def _owner_of(document: Mapping[str, Any]) -> Owner:
    owner = _read(document, "owner")
    return Owner(user_id=_value("user_id", owner["user_id"]), public=owner["public"], tenant=owner["tenant"])


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: _value(field.name, document[field.name]) for field in fields(kind) if field.name in document}


def _read(document: Mapping[str, Any], name: str) -> Any:
    if name not in document:
        raise Failed(_missing(name))
    return document[name]


def _value(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if name in _TEXTS:
            return value
        if name in _IDS or name.endswith(("_id", "_by")):
            return UUID(value)
        return datetime.fromisoformat(value) if name in _TIMES or name.endswith("_at") else value
    return timedelta(seconds=value) if name in _PERIODS and value is not None else value


def _missing(name: str) -> str:
    return f"The installation did not send “{name}”. It probably runs an older version of Deskjob."
