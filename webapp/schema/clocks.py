"""The clocks that tick, and when each was heard of last."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Integer, Named, String, Table, TypedColumns, Uuid

from webapp.schema.columns import Moment, metadata


class _ClockColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    host: Named[str] = Column(String(255))
    pid: Named[int] = Column(Integer)
    started_at: Named[datetime] = Column(Moment)
    beat_at: Named[datetime] = Column(Moment)


clocks = Table("clocks", metadata, _ClockColumns)
