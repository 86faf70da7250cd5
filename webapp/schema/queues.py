"""Settings of queues, the leases of work-horses, launches, disabled job types, and the starts that rates count."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Named, String, Table, TypedColumns, Uuid, text

from webapp.schema.columns import UtcDateTime, metadata


class _QueueColumns(TypedColumns):
    name: Named[str] = Column(String(80), primary_key=True)
    paused_at: Named[datetime | None] = Column(UtcDateTime)
    paused_by: Named[UUID | None] = Column(Uuid)
    reason: Named[str] = Column(String(200), server_default="")
    max_running: Named[int | None] = Column(Integer)


queues = Table("queues", metadata, _QueueColumns)


class _LeaseColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    host: Named[str] = Column(String(255))
    boot_id: Named[str] = Column(String(64))
    worker: Named[str] = Column(String(80))
    worker_pid: Named[int] = Column(Integer)
    queue: Named[str] = Column(String(80))
    beat: Named[int] = Column(Integer, server_default=text("0"))
    beat_at: Named[datetime] = Column(UtcDateTime)
    started_at: Named[datetime] = Column(UtcDateTime)


leases = Table("leases", metadata, _LeaseColumns)


class _LaunchColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    attempt: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    lease_id: Named[UUID] = Column(Uuid)  # under which the job waits for its process; no row of ``leases``
    queue: Named[str] = Column(String(80))
    host: Named[str] = Column(String(255))  # that has launched it
    launched_at: Named[datetime] = Column(UtcDateTime)
    begin_by: Named[datetime] = Column(UtcDateTime)
    begun_at: Named[datetime | None] = Column(UtcDateTime)
    ended_at: Named[datetime | None] = Column(UtcDateTime)  # of its process, or of the command that stops it


launches = Table("launches", metadata, _LaunchColumns, sqlite_with_rowid=False)
Index(
    "ix_launches_open",
    launches.c.queue,
    sqlite_where=launches.c.ended_at.is_(None),
    postgresql_where=launches.c.ended_at.is_(None),
)


class _DisabledTypeColumns(TypedColumns):
    name: Named[str] = Column(String(80), primary_key=True)
    reason: Named[str] = Column(String(200), server_default="")
    disabled_by: Named[UUID | None] = Column(Uuid)
    disabled_at: Named[datetime] = Column(UtcDateTime)


disabled_types = Table("disabled_types", metadata, _DisabledTypeColumns)


class _RateStartColumns(TypedColumns):
    rate_key: Named[str] = Column(String(240), primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    type: Named[str] = Column(String(80))
    job_id: Named[UUID] = Column(Uuid)  # no foreign key: the start of a deleted job counts
    started_at: Named[datetime] = Column(UtcDateTime)
    # the rate when it started
    most: Named[int] = Column(Integer)
    seconds: Named[float] = Column(Float)


rate_starts = Table("rate_starts", metadata, _RateStartColumns)
Index("ix_rate_starts_type", rate_starts.c.type, rate_starts.c.started_at)


class _RateWaitColumns(TypedColumns):
    rate_key: Named[str] = Column(String(240), primary_key=True)
    next_at: Named[datetime] = Column(UtcDateTime)  # when the next of its waiting jobs may start


rate_waits = Table("rate_waits", metadata, _RateWaitColumns)
Index("ix_rate_waits_next_at", rate_waits.c.next_at)
