"""Turn a job of the history into a row of the export."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from webapp.jobs import JobPolicy

SUMMARY = (
    *("id", "type", "title", "status", "done_with_warnings", "owner", "triggered_by", "progress", "attempt"),
    *("created_at", "started_at", "finished_at", "seconds", "tags", "shared_with"),
)
DIAGNOSTICS = ("message", "warnings", "errors")
_OF_OPEN_JOBS = ("shared_with", *DIAGNOSTICS)
SYSTEM = "the system"
OTHER_USER = "another user"

ExportRow = Mapping[str, Any]  # by column: text, a number, None, or diagnostics as a list of {"text", "at"}


def user_ids(rows: Iterable[Mapping[str, Any]]) -> set[UUID]:
    """Return the IDs of the owners and starters of these jobs."""
    return {row[column] for row in rows for column in ("owner_id", "triggered_by") if row[column] is not None}


class RowFormatter:
    """Makes rows for one user: messages and diagnostics only of jobs that they can open, names as on pages."""

    def __init__(self, policy: JobPolicy, names: Mapping[UUID, str]) -> None:
        self._policy = policy
        self._names = names

    def format(self, row: Mapping[str, Any]) -> ExportRow:
        """Return the export row of a job: times in ISO 8601 and UTC, the seconds of the last attempt."""
        shared = self._policy.is_shared(row["shared_with"], row["tenant"])
        export_row = {
            "id": str(row["id"]),
            "type": row["type"],
            "title": row["title"],
            "status": row["status"],
            "done_with_warnings": row["status"] == "completed" and bool(row["has_warnings"]),
            "owner": self._name(row["owner_id"], SYSTEM, shared=shared),
            "triggered_by": self._name(row["triggered_by"], None, shared=shared),
            "progress": round(row["progress"], 2),
            "attempt": row["attempt"],
            "created_at": _iso(row["created_at"]),
            "started_at": _iso(row["started_at"]),
            "finished_at": _iso(row["finished_at"]),
            "seconds": _seconds(row["started_at"], row["finished_at"]),
            "tags": ", ".join(row["tags"] or ()) or None,
        }
        is_open = self._policy.opens(row["type"], row["owner_id"], row["triggered_by"], shared=shared)
        return export_row | {column: row[column] if is_open else None for column in _OF_OPEN_JOBS if column in row}

    def _name(self, user_id: UUID | None, default: str | None, *, shared: bool) -> str | None:
        if user_id is None:
            return default
        if shared or self._policy.sees_all or user_id == self._policy.user_id:
            return self._names.get(user_id, "a deleted account")
        return OTHER_USER


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end and end >= start else None
