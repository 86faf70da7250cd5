"""Attachments: the input and output files of jobs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Named,
    String,
    Table,
    TypedColumns,
    Uuid,
)

from webapp.schema.columns import UtcDateTime, metadata


class _AttachmentColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Named[int] = Column(Integer)
    role: Named[str] = Column(String(6))
    name: Named[str] = Column(String(255))
    media_type: Named[str] = Column(String(127))
    size: Named[int] = Column(BigInteger)
    sha256: Named[str] = Column(String(64))
    created_at: Named[datetime] = Column(UtcDateTime)
    expires_at: Named[datetime | None] = Column(UtcDateTime)
    keep_seconds: Named[int | None] = Column(BigInteger)  # how long this file is kept; None = as its job type says
    deleted_at: Named[datetime | None] = Column(UtcDateTime)


attachments = Table(
    "attachments",
    metadata,
    _AttachmentColumns,
    CheckConstraint("role IN ('input', 'output')", name="known_role"),
)
# No index by expiry: maintenance reads all rows once an hour, which takes a quarter of a second for 200,000 files on
# SQLite and lets nobody wait; an index would be written with each file, and with each change of its expiry
Index("ix_attachments_job", attachments.c.job_id, attachments.c.id)
