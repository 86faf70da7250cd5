"""Settings of queues, the leases of work-horses, and disabled job types."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Integer, Named, String, Table, TypedColumns, Uuid, text

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


class _DisabledTypeColumns(TypedColumns):
    name: Named[str] = Column(String(80), primary_key=True)
    reason: Named[str] = Column(String(200), server_default="")
    disabled_by: Named[UUID | None] = Column(Uuid)
    disabled_at: Named[datetime] = Column(UtcDateTime)


disabled_types = Table("disabled_types", metadata, _DisabledTypeColumns)
