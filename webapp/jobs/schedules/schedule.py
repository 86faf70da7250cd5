"""Schedule and Run, as values; and the rows that they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from webapp.jobs.model.job import Owner, Status
from webapp.jobs.schedules.cron_rule import CronRule
from webapp.jobs.schedules.misfires import MisfirePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A rule that creates jobs of one type for one owner.

    ``payload`` is as in a job's row: its secrets are closed. ``queue`` and ``priority`` are None where
    the type's count. ``next_fire_at`` is None while it is paused, or if its rule names no moment any more.
    ``version`` counts the changes that people made.
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

    @property
    def unique_key(self) -> str | None:
        """What keeps a second one of its jobs out while one is unfinished; None where that is no matter."""
        return f"schedule:{self.id}" if self.one_at_a_time else None

    @property
    def is_paused(self) -> bool:
        """None of its times fires."""
        return self.paused_at is not None


class RunOutcome(StrEnum):
    """What became of one time of a schedule."""

    STARTED = "started"  # there is a job
    BUSY = "busy"  # there is one job at a time, and one was not finished
    MISSED = "missed"  # nobody was there, and it was passed over by the policy
    REFUSED = "refused"  # no job could be made; the run says why


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRun:
    """One time of a schedule. ``status`` is its job's, None where there is none (any more).

    ``asked_by`` is who wanted it beside the rule; then ``fire_at`` is when.
    """

    fire_at: datetime
    fired_at: datetime
    outcome: RunOutcome
    job_id: UUID | None
    asked_by: UUID | None
    detail: str
    status: Status | None = None


_COMPOSED = {"rule", "missed", "owner"}
_PLAIN = tuple(field.name for field in fields(Schedule) if field.name not in _COMPOSED)


def to_schedule(row: RowMapping) -> Schedule:
    """Make the schedule of a row."""
    return Schedule(
        **{name: row[name] for name in _PLAIN},
        rule=CronRule(row["rule"], row["zone"]),
        missed=MisfirePolicy(row["missed"]),
        owner=Owner(user_id=row["owner_id"], public=row["public"], tenant=row["tenant"]),
    )


def to_run(row: RowMapping) -> ScheduleRun:
    """Make the run of a row that has its job's status beside it."""
    values = {field.name: row[field.name] for field in fields(ScheduleRun)}
    status = Status(values["status"]) if values["status"] else None
    return ScheduleRun(**values | {"outcome": RunOutcome(values["outcome"]), "status": status})
