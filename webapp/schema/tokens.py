"""API tokens, and the answers to API requests that were sent with an idempotency key."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Named, String, Table, Text, TypedColumns, Uuid

from webapp.schema.columns import Json, UtcDateTime, metadata


class _TokenColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    user_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Named[str] = Column(String(80))
    prefix: Named[str] = Column(String(16))
    token_hash: Named[bytes] = Column(LargeBinary(32), unique=True)
    scopes: Named[str] = Column(String(80))
    created_at: Named[datetime] = Column(UtcDateTime)
    created_by: Named[UUID | None] = Column(Uuid)
    expires_at: Named[datetime | None] = Column(UtcDateTime)
    revoked_at: Named[datetime | None] = Column(UtcDateTime)
    last_used_at: Named[datetime | None] = Column(UtcDateTime)
    last_address: Named[str] = Column(String(64), server_default="")


api_tokens = Table("api_tokens", metadata, _TokenColumns)
Index("ix_api_tokens_user", api_tokens.c.user_id)


class _RequestColumns(TypedColumns):
    user_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Named[str] = Column(String(120), primary_key=True)
    fingerprint: Named[bytes] = Column(LargeBinary(32))
    started_at: Named[datetime] = Column(UtcDateTime)
    status: Named[int | None] = Column(Integer)  # none while the request is being processed
    headers: Named[dict[str, Any] | None] = Column(Json)
    body: Named[str | None] = Column(Text)


api_requests = Table("api_requests", metadata, _RequestColumns, sqlite_with_rowid=False)
Index("ix_api_requests_started", api_requests.c.started_at)
