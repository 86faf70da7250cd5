"""Rollups over many jobs, stored so that no page has to count a million rows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Named,
    SmallInteger,
    String,
    Table,
    Text,
    TypedColumns,
    Uuid,
    text,
)

from webapp.schema.columns import Counter, UtcDateTime, metadata


class _CursorColumns(TypedColumns):
    name: Named[str] = Column(String(40), primary_key=True)
    event_id: Named[int] = Column(Counter, server_default=text("0"))
    moment: Named[datetime | None] = Column(UtcDateTime)
    moved_at: Named[datetime] = Column(UtcDateTime)


# How far each rollup has been computed; later rows are counted by the query
cursors = Table("cursors", metadata, _CursorColumns)


class _EndingColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    hour: Named[datetime] = Column(UtcDateTime)
    type: Named[str] = Column(String(80))
    queue: Named[str] = Column(String(80))
    status: Named[str] = Column(String(12))
    jobs: Named[int] = Column(Integer)


# Finished jobs by the hour of their end; readers add up the rows, and triggers add negative ones
endings = Table("endings", metadata, _EndingColumns)
Index("ix_endings_hour", endings.c.hour)


class _RunColumns(TypedColumns):
    hour: Named[datetime] = Column(UtcDateTime, primary_key=True)
    type: Named[str] = Column(String(80), primary_key=True)
    queue: Named[str] = Column(String(80), primary_key=True)
    outcome: Named[str] = Column(String(12), primary_key=True)
    run_bucket: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    wait_bucket: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    runs: Named[int] = Column(Integer)


# Attempts by the hour of their end, regardless of what happened to their jobs later
runs = Table("runs", metadata, _RunColumns)


class _TotalColumns(TypedColumns):
    measure: Named[str] = Column(String(8), primary_key=True)
    type: Named[str] = Column(String(80), primary_key=True)
    queue: Named[str] = Column(String(80), primary_key=True)
    name: Named[str] = Column(String(40), primary_key=True)
    bucket: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    count: Named[int] = Column(BigInteger)
    seconds: Named[float] = Column(Float)


# What monitoring counts since this table exists. Its rows are never deleted: a counter must not go back
totals = Table("totals", metadata, _TotalColumns)


class _ErrorGroupColumns(TypedColumns):
    fingerprint: Named[str] = Column(String(16), primary_key=True)
    type: Named[str] = Column(String(80))
    message: Named[str] = Column(Text)
    place: Named[str] = Column(String(200), server_default="")
    sample_job_id: Named[UUID] = Column(Uuid)
    count: Named[int] = Column(Integer)
    first_seen_at: Named[datetime] = Column(UtcDateTime)
    last_seen_at: Named[datetime] = Column(UtcDateTime)
    state: Named[str] = Column(String(8), server_default="open")
    state_at: Named[datetime | None] = Column(UtcDateTime)
    state_by: Named[UUID | None] = Column(Uuid)


error_groups = Table(
    "error_groups",
    metadata,
    _ErrorGroupColumns,
    CheckConstraint("state IN ('open', 'resolved', 'ignored')", name="known_state"),
)
Index("ix_error_groups_seen", error_groups.c.last_seen_at)


class _ErrorHourColumns(TypedColumns):
    fingerprint: Named[str] = Column(String(16), primary_key=True)
    hour: Named[datetime] = Column(UtcDateTime, primary_key=True)
    count: Named[int] = Column(Integer)


error_hours = Table("error_hours", metadata, _ErrorHourColumns)


class _ErrorUserColumns(TypedColumns):
    fingerprint: Named[str] = Column(String(16), primary_key=True)
    user_id: Named[UUID] = Column(Uuid, primary_key=True)


error_users = Table("error_users", metadata, _ErrorUserColumns)


class _JobErrorColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    fingerprint: Named[str] = Column(String(16))


# The latest error of each job
job_errors = Table("job_errors", metadata, _JobErrorColumns)
Index("ix_job_errors_fingerprint", job_errors.c.fingerprint, job_errors.c.job_id.desc())
