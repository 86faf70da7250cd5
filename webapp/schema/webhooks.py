"""Inbound webhooks, and their messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Integer, Named, String, Table, Text, TypedColumns, Uuid

from webapp.schema.columns import Counter, Json, UtcDateTime, metadata


class _WebhookColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    name: Named[str] = Column(String(80), unique=True)
    type: Named[str] = Column(String(80))
    account_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    scheme: Named[str] = Column(String(8))
    header: Named[str] = Column(String(80), server_default="")
    mapping: Named[dict[str, Any]] = Column(Json)
    id_path: Named[str] = Column(Text, server_default="")
    window: Named[int] = Column(Integer)
    max_bytes: Named[int] = Column(Integer)
    per_minute: Named[int] = Column(Integer)
    secret: Named[dict[str, str]] = Column(Json)  # encrypted
    old_secret: Named[dict[str, str] | None] = Column(Json)
    old_secret_until: Named[datetime | None] = Column(UtcDateTime)
    rotated_at: Named[datetime | None] = Column(UtcDateTime)
    disabled_at: Named[datetime | None] = Column(UtcDateTime)
    created_at: Named[datetime] = Column(UtcDateTime)
    created_by: Named[UUID | None] = Column(Uuid)


webhooks = Table("webhooks", metadata, _WebhookColumns)


class _MessageColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    webhook_id: Named[UUID] = Column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    at: Named[datetime] = Column(UtcDateTime)
    message_id: Named[str] = Column(String(128), server_default="")
    key: Named[str] = Column(String(128), server_default="")
    address: Named[str] = Column(String(64), server_default="")
    request_id: Named[str] = Column(String(64), server_default="")
    size: Named[int] = Column(Integer)
    status: Named[int] = Column(Integer)  # of the answer
    detail: Named[str] = Column(Text, server_default="")
    job_id: Named[UUID | None] = Column(Uuid)
    body: Named[dict[str, str] | None] = Column(Json)  # encrypted; only of authentic messages
    tried_again_at: Named[datetime | None] = Column(UtcDateTime)


webhook_messages = Table("webhook_messages", metadata, _MessageColumns)
Index("ix_webhook_messages_webhook", webhook_messages.c.webhook_id, webhook_messages.c.id)
