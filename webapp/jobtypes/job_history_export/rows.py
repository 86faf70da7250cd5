"""A job of the history as one line of the export."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from webapp.jobs import Viewer

SUMMARY = (
    *("id", "type", "title", "status", "owner", "triggered_by", "progress", "attempt"),
    *("created_at", "started_at", "finished_at", "seconds"),
)
NOTES = ("message", "warnings", "errors")
SYSTEM = "the system"
SOMEBODY = "another user"

ExportRow = Mapping[str, Any]  # by column: text, a number, None, or notes as a list of {"text", "at"}


def people_of(rows: Iterable[Mapping[str, Any]]) -> set[UUID]:
    """Return whose names the lines of these rows may say."""
    return {row[column] for row in rows for column in ("owner_id", "triggered_by") if row[column] is not None}


class RowFormatter:
    """Makes lines for one viewer; of a public job others learn how it went, not what it said or who asked."""

    def __init__(self, viewer: Viewer, names: Mapping[UUID, str]) -> None:
        self._viewer = viewer
        self._names = names

    def of(self, row: Mapping[str, Any]) -> ExportRow:
        """Return the line of a row; moments are ISO 8601 in UTC, seconds those of the last attempt."""
        line = {
            "id": str(row["id"]),
            "type": row["type"],
            "title": row["title"],
            "status": row["status"],
            "owner": self._name(row["owner_id"], SYSTEM),
            "triggered_by": self._name(row["triggered_by"], None),
            "progress": round(row["progress"], 2),
            "attempt": row["attempt"],
            "created_at": _moment(row["created_at"]),
            "started_at": _moment(row["started_at"]),
            "finished_at": _moment(row["finished_at"]),
            "seconds": _seconds(row["started_at"], row["finished_at"]),
        }
        opened = self._viewer.sees_all or self._viewer.user_id in {row["owner_id"], row["triggered_by"]}
        return line | {column: row[column] if opened else None for column in NOTES if column in row}

    def _name(self, person: UUID | None, nobody: str | None) -> str | None:
        if person is None:
            return nobody
        if self._viewer.sees_all or person == self._viewer.user_id:
            return self._names.get(person, "a deleted account")
        return SOMEBODY


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end and end >= start else None
