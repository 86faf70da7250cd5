"""What users saved under a name: filters of the list of jobs, and values of the forms of job types."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Named,
    String,
    Table,
    TypedColumns,
    UniqueConstraint,
    Uuid,
    false,
    text,
)

from webapp.schema.columns import Json, UtcDateTime, metadata


class _SavedFilterColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    owner_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    tenant: Named[str | None] = Column(String(80))
    name: Named[str] = Column(String(60))
    arguments: Named[dict[str, str]] = Column(Json)
    shared: Named[bool] = Column(Boolean, server_default=false())
    of_all_users: Named[bool] = Column(Boolean, server_default=false())
    created_at: Named[datetime] = Column(UtcDateTime)


saved_filters = Table(
    "saved_filters", metadata, _SavedFilterColumns, UniqueConstraint("owner_id", "name", name="uq_saved_filters_name")
)
_shared = text("shared")
Index("ix_saved_filters_shared", saved_filters.c.tenant, sqlite_where=_shared, postgresql_where=_shared)


class _FormPresetColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    owner_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    tenant: Named[str | None] = Column(String(80))
    type: Named[str] = Column(String(80))
    name: Named[str] = Column(String(60))
    content: Named[dict[str, Any]] = Column(Json)
    shared: Named[bool] = Column(Boolean, server_default=false())
    created_at: Named[datetime] = Column(UtcDateTime)


form_presets = Table(
    "form_presets",
    metadata,
    _FormPresetColumns,
    UniqueConstraint("owner_id", "type", "name", name="uq_form_presets_name"),
)
Index("ix_form_presets_type", form_presets.c.type)
