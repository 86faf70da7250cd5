"""`Schedule` and `ScheduleRun` as values, and their conversion from rows."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from webapp.jobs.model.job import Owner, Status
from webapp.jobs.schedules.cron_rule import CronRule
from webapp.jobs.schedules.misfires import MisfirePolicy

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


class AmbiguousName(Exception):
    """Raised when several schedules have a name, because several users can choose the same one."""

    def __init__(self, name: str) -> None:
        """Name the name."""
        super().__init__(f"Several schedules are named {name!r}. Use the ID of one of them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A rule that creates jobs of one type for one owner.

    ``payload`` is stored as in a job's row, with secrets encrypted. ``queue`` and ``priority`` are None to use the
    job type's. ``next_fire_at`` is None while the schedule is paused or if its rule never fires again.
    ``version`` counts the changes that users made. ``tags`` are those of its jobs.
    """

    id: UUID
    name: str
    type: str
    payload: Mapping[str, Any]
    rule: CronRule
    missed: MisfirePolicy
    one_at_a_time: bool
    queue: str | None
    priority: int | None
    owner: Owner
    next_fire_at: datetime | None
    paused_at: datetime | None
    paused_by: UUID | None
    paused_why: str
    created_at: datetime
    created_by: UUID | None
    changed_at: datetime | None
    changed_by: UUID | None
    version: int
    tags: tuple[str, ...] = ()

    @property
    def unique_key(self) -> str | None:
        """The unique key of its jobs, so that only one is unfinished at a time; None if that does not matter."""
        return f"schedule:{self.id}" if self.one_at_a_time else None

    @property
    def is_paused(self) -> bool:
        """Whether its times do not fire."""
        return self.paused_at is not None


class RunOutcome(StrEnum):
    """The outcome of one scheduled time."""

    STARTED = "started"  # a job was created
    BUSY = "busy"  # one job at a time, and the previous one had not finished
    MISSED = "missed"  # no clock ran, and the misfire policy skipped it
    REFUSED = "refused"  # no job could be created; the run says why


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRun:
    """One scheduled time, or one "run now". ``status`` and the last two times are those of its job, None without one.

    ``asked_by`` is the user who ran it at ``fire_at``; None if the rule did.
    """

    fire_at: datetime
    fired_at: datetime
    outcome: RunOutcome
    job_id: UUID | None
    asked_by: UUID | None
    detail: str
    status: Status | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


_COMPOSED = {"rule", "missed", "owner", "tags"}
_PLAIN = tuple(field.name for field in fields(Schedule) if field.name not in _COMPOSED)


def to_schedule(row: "RowMapping") -> Schedule:
    """Return the schedule of a row."""
    return Schedule(
        **{name: row[name] for name in _PLAIN},
        rule=CronRule(row["rule"], row["zone"]),
        missed=MisfirePolicy(row["missed"]),
        owner=Owner(user_id=row["owner_id"], public=row["public"], tenant=row["tenant"]),
        tags=tuple(row["tags"] or ()),
    )


def to_run(row: "RowMapping") -> ScheduleRun:
    """Return the run of a row that includes its job's status."""
    values = {field.name: row[field.name] for field in fields(ScheduleRun)}
    status = Status(values["status"]) if values["status"] else None
    return ScheduleRun(**values | {"outcome": RunOutcome(values["outcome"]), "status": status})
