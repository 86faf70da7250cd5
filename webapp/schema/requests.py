"""Requests that were answered already: sent twice, one makes one job."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Named, String, Table, TypedColumns, Uuid

from webapp.schema.columns import Moment, metadata


class _RequestColumns(TypedColumns):
    key: Named[str] = Column(String(120), primary_key=True)
    job_id: Named[UUID] = Column(Uuid, ForeignKey("jobs.id", ondelete="CASCADE"))
    created_at: Named[datetime] = Column(Moment)


requests = Table("requests", metadata, _RequestColumns)
Index("ix_requests_job", requests.c.job_id)
