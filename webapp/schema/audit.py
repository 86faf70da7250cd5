"""The audit log: who did what to which object, from which address. Triggers make the table append-only."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Named, String, Table, TypedColumns, Uuid

from webapp.schema.columns import Counter, Json, UtcDateTime, metadata


class _AuditColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    at: Named[datetime] = Column(UtcDateTime)
    actor_id: Named[UUID | None] = Column(Uuid)
    actor: Named[str] = Column(String(120))
    role: Named[str] = Column(String(10), server_default="")
    address: Named[str] = Column(String(64), server_default="")
    token: Named[str] = Column(String(80), server_default="")
    action: Named[str] = Column(String(40))
    kind: Named[str] = Column(String(20))
    object_id: Named[str] = Column(String(80), server_default="")
    object_name: Named[str] = Column(String(200), server_default="")
    before: Named[dict[str, Any] | None] = Column(Json)
    after: Named[dict[str, Any] | None] = Column(Json)


audit = Table("audit", metadata, _AuditColumns)
Index("ix_audit_at", audit.c.at)
Index("ix_audit_actor", audit.c.actor, audit.c.id.desc())
Index("ix_audit_action", audit.c.action, audit.c.id.desc())
Index("ix_audit_kind", audit.c.kind, audit.c.id.desc())
Index("ix_audit_object", audit.c.object_id, audit.c.id.desc())
