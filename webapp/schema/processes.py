"""Running processes: workers with their requests, their snapshots of jobs, and clocks, with their heartbeats."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Named, String, Table, TypedColumns, Uuid, text

from webapp.schema.columns import Json, UtcDateTime, metadata


class _WorkerColumns(TypedColumns):
    name: Named[str] = Column(String(80), primary_key=True)
    host: Named[str] = Column(String(255))
    boot_id: Named[str] = Column(String(64))
    pid: Named[int] = Column(Integer)
    queues: Named[list[str]] = Column(Json)
    version: Named[str] = Column(String(40))
    started_at: Named[datetime] = Column(UtcDateTime)
    beat_at: Named[datetime] = Column(UtcDateTime)
    memory: Named[int | None] = Column(BigInteger)
    horse_memory: Named[int | None] = Column(BigInteger)
    done: Named[int] = Column(Integer, server_default=text("0"))
    failed: Named[int] = Column(Integer, server_default=text("0"))
    wish: Named[str | None] = Column(String(5))
    wished_at: Named[datetime | None] = Column(UtcDateTime)
    wished_by: Named[UUID | None] = Column(Uuid)
    snapshot_id: Named[UUID | None] = Column(Uuid)  # of the process snapshot that it must take


workers = Table("workers", metadata, _WorkerColumns)


class _ProcessSnapshotColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Named[int] = Column(Integer)
    worker: Named[str] = Column(String(80))
    host: Named[str] = Column(String(255))
    requested_at: Named[datetime] = Column(UtcDateTime)
    requested_by: Named[UUID | None] = Column(Uuid)
    taken_at: Named[datetime | None] = Column(UtcDateTime)
    content: Named[dict[str, Any] | None] = Column(Json)


process_snapshots = Table("process_snapshots", metadata, _ProcessSnapshotColumns)
Index("ix_process_snapshots_job", process_snapshots.c.job_id)


class _ClockColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    host: Named[str] = Column(String(255))
    pid: Named[int] = Column(Integer)
    started_at: Named[datetime] = Column(UtcDateTime)
    beat_at: Named[datetime] = Column(UtcDateTime)


clocks = Table("clocks", metadata, _ClockColumns)
