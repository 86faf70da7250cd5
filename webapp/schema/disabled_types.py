"""Job types that may not be started for now."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Named, String, Table, TypedColumns, Uuid

from webapp.schema.columns import Moment, metadata


class _DisabledTypeColumns(TypedColumns):
    name: Named[str] = Column(String(80), primary_key=True)
    reason: Named[str] = Column(String(200), server_default="")
    disabled_by: Named[UUID | None] = Column(Uuid)
    disabled_at: Named[datetime] = Column(Moment)


disabled_types = Table("disabled_types", metadata, _DisabledTypeColumns)
