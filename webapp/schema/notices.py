"""Notifications: they tell users that one of their jobs has ended."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Named, String, Table, TypedColumns

from webapp.schema.columns import Counter, UtcDateTime, metadata


class _NoticeColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    user_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    kind: Named[str] = Column(String(12))
    at: Named[datetime] = Column(UtcDateTime)
    read_at: Named[datetime | None] = Column(UtcDateTime)


# A trigger (migration 0010) inserts the rows, in the transaction that ends the job
notices = Table("notices", metadata, _NoticeColumns)
Index("ix_notices_user", notices.c.user_id, notices.c.read_at, notices.c.id)
Index("ix_notices_job", notices.c.job_id)
