"""Schedules, and the outcome of each of their runs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    Uuid,
    false,
    text,
)

from webapp.schema.columns import Counter, Json, NullableJson, UtcDateTime, metadata


class _ScheduleColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    name: Named[str] = Column(String(120))
    type: Named[str] = Column(String(80))
    payload: Named[dict[str, Any]] = Column(Json)
    rule: Named[str] = Column(String(100))
    zone: Named[str] = Column(String(64))
    missed: Named[str] = Column(String(4))
    one_at_a_time: Named[bool] = Column(Boolean, server_default=false())
    queue: Named[str | None] = Column(String(80))
    priority: Named[int | None] = Column(Integer)
    owner_id: Named[UUID | None] = Column(Uuid)
    public: Named[bool] = Column(Boolean, server_default=false())
    tenant: Named[str | None] = Column(String(80))
    next_fire_at: Named[datetime | None] = Column(UtcDateTime)
    paused_at: Named[datetime | None] = Column(UtcDateTime)
    paused_by: Named[UUID | None] = Column(Uuid)
    paused_why: Named[str] = Column(String(200), server_default="")
    created_at: Named[datetime] = Column(UtcDateTime)
    created_by: Named[UUID | None] = Column(Uuid)
    changed_at: Named[datetime | None] = Column(UtcDateTime)
    changed_by: Named[UUID | None] = Column(Uuid)
    version: Named[int] = Column(Integer, server_default=text("1"))
    tags: Named[list[str] | None] = Column(NullableJson)


schedules = Table(
    "schedules",
    metadata,
    _ScheduleColumns,
    CheckConstraint("missed IN ('skip', 'once', 'all')", name="known_policy"),
    CheckConstraint("NOT public OR owner_id IS NULL", name="only_system_jobs_are_public"),
    CheckConstraint("paused_at IS NULL OR next_fire_at IS NULL", name="a_paused_one_has_no_next_time"),
)
# Users choose names without knowing those of others
Index("uq_schedules_owner_name", schedules.c.owner_id, schedules.c.name, unique=True,
      sqlite_where=text("owner_id IS NOT NULL"), postgresql_where=text("owner_id IS NOT NULL"))  # fmt: skip
Index("uq_schedules_name", schedules.c.name, unique=True,
      sqlite_where=text("owner_id IS NULL"), postgresql_where=text("owner_id IS NULL"))  # fmt: skip
# The only index that a clock reads while nothing is due
Index("ix_schedules_due", schedules.c.next_fire_at,
      sqlite_where=text("next_fire_at IS NOT NULL"), postgresql_where=text("next_fire_at IS NOT NULL"))  # fmt: skip


class _RunColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    schedule_id: Named[UUID] = Column(ForeignKey("schedules.id", ondelete="CASCADE"))
    fire_at: Named[datetime] = Column(UtcDateTime)
    fired_at: Named[datetime] = Column(UtcDateTime)
    outcome: Named[str] = Column(String(8))
    job_id: Named[UUID | None] = Column(Uuid)
    asked_by: Named[UUID | None] = Column(Uuid)
    detail: Named[str] = Column(Text, server_default="")


schedule_runs = Table(
    "schedule_runs",
    metadata,
    _RunColumns,
    UniqueConstraint("schedule_id", "fire_at"),  # each time fires once, even with several clocks
    CheckConstraint("(outcome = 'started') = (job_id IS NOT NULL)", name="a_started_one_has_a_job"),
)
Index("ix_schedule_runs_job", schedule_runs.c.job_id,
      sqlite_where=text("job_id IS NOT NULL"), postgresql_where=text("job_id IS NOT NULL"))  # fmt: skip
