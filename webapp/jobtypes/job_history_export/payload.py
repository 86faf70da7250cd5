"""The payload of a job history export; its form is generated from it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import BaseModel, Field, JsonValue, ValidationInfo, field_validator

from webapp.jobs import HistoryCriteria, Status
from webapp.jobtypes.tables.csv_output import CsvMark

_STATUS_LABELS: dict[str, JsonValue] = {
    Status.HELD: "Preparing",
    Status.SCHEDULED: "Scheduled",
    Status.QUEUED: "Waiting",
    Status.RUNNING: "Running",
    Status.WAITING: "Waiting for child jobs",
    Status.COMPLETED: "Done",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Stopped",
    Status.STALE: "Lost",
}


class JobHistoryExport(BaseModel):
    """Criteria of the jobs, and the file format."""

    format: Literal["csv", "xlsx", "jsonl"] = Field(
        default="csv",
        title="Format",
        json_schema_extra={"labels": {"csv": "CSV", "xlsx": "Excel workbook (XLSX)", "jsonl": "JSON Lines"}},
        examples=["csv"],
    )
    since: date | None = Field(default=None, title="Created since", description="Days begin at midnight UTC.")
    until: date | None = Field(default=None, title="Created until", description="Jobs of this day are included.")
    statuses: list[Status] = Field(
        default=[],
        title="Statuses",
        description="All statuses if none is selected.",
        json_schema_extra={"labels": _STATUS_LABELS},
    )
    types: list[str] = Field(
        default=[],
        title="Job types",
        description="Names such as dataset_report. All job types if empty.",
        max_length=100,
    )
    tag: str = Field(default="", max_length=100, title="Tag", description="Only jobs with this tag.")
    with_notes: bool = Field(
        default=False,
        title="Include messages, warnings and errors",
        examples=[True],
    )

    mark: CsvMark = False

    @field_validator("until")
    @classmethod
    def _not_before_since(cls, until: date | None, others: ValidationInfo) -> date | None:
        since = others.data.get("since")
        if until and since and until < since:
            message = "This day is before the start day."
            raise ValueError(message)
        return until

    def criteria(self, now: datetime) -> HistoryCriteria:
        """Return the criteria of the jobs, which must exist at the time ``now``."""
        end = _midnight(self.until) + timedelta(days=1) if self.until and self.until < date.max else now
        return HistoryCriteria(
            since=_midnight(self.since) if self.since else None,
            before=min(end, now),
            statuses=tuple(self.statuses),
            types=tuple(self.types),
            tag=self.tag,
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
