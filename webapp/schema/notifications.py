"""Rules for notifications by mail, webhook and chat, and the log of their deliveries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    Uuid,
    text,
    true,
)

from webapp.schema.columns import Json, UtcDateTime, metadata


class _RuleColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    user_id: Named[UUID | None] = Column(ForeignKey("users.id", ondelete="CASCADE"))  # none: of the installation
    name: Named[str] = Column(String(120))
    topics: Named[str] = Column(String(200))  # with commas
    whose: Named[str] = Column(String(8), server_default="own")
    owner_id: Named[UUID | None] = Column(Uuid)  # only jobs of this person
    type: Named[str] = Column(String(80), server_default="")
    queue: Named[str] = Column(String(80), server_default="")
    tag: Named[str] = Column(String(40), server_default="")
    seconds: Named[int | None] = Column(Integer)  # the longest acceptable time
    due_time: Named[str] = Column(String(5), server_default="")  # 08:30, in the zone of the rule
    quiet_from: Named[str] = Column(String(5), server_default="")
    quiet_until: Named[str] = Column(String(5), server_default="")
    zone: Named[str] = Column(String(64), server_default="")
    language: Named[str] = Column(String(5), server_default="")
    channel: Named[str] = Column(String(8))
    recipients: Named[str] = Column(Text, server_default="")  # of mail, with commas; empty: the user's own address
    address: Named[dict[str, Any] | None] = Column(Json)  # of a webhook or chat, encrypted
    shown_address: Named[str] = Column(String(255), server_default="")  # the part of it that is no secret
    signing_key: Named[dict[str, Any] | None] = Column(Json)  # of a webhook, encrypted
    enabled: Named[bool] = Column(Boolean, server_default=true())
    created_at: Named[datetime] = Column(UtcDateTime)
    created_by: Named[UUID | None] = Column(Uuid)
    last_sent_at: Named[datetime | None] = Column(UtcDateTime)


notification_rules = Table("notification_rules", metadata, _RuleColumns)
Index("ix_notification_rules_user", notification_rules.c.user_id)


class _DeliveryColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    rule_id: Named[UUID | None] = Column(ForeignKey("notification_rules.id", ondelete="SET NULL"))
    rule_name: Named[str] = Column(String(120))
    user_id: Named[UUID | None] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    channel: Named[str] = Column(String(8))
    shown_address: Named[str] = Column(Text, server_default="")
    status: Named[str] = Column(String(10))
    facts: Named[list[dict[str, Any]]] = Column(Json)
    event_count: Named[int] = Column(Integer)
    due_at: Named[datetime] = Column(UtcDateTime)
    created_at: Named[datetime] = Column(UtcDateTime)
    finished_at: Named[datetime | None] = Column(UtcDateTime)
    attempts: Named[int] = Column(Integer, server_default=text("0"))
    error: Named[str] = Column(Text, server_default="")
    job_id: Named[UUID | None] = Column(Uuid)


notification_deliveries = Table("notification_deliveries", metadata, _DeliveryColumns)
_open = text("status IN ('collecting', 'queued')")
Index("ix_notification_deliveries_open", notification_deliveries.c.status, notification_deliveries.c.due_at,
      sqlite_where=_open, postgresql_where=_open)  # fmt: skip
Index("ix_notification_deliveries_rule", notification_deliveries.c.rule_id, notification_deliveries.c.id)
Index("ix_notification_deliveries_user", notification_deliveries.c.user_id, notification_deliveries.c.id)


class _MarkColumns(TypedColumns):
    rule_id: Named[UUID] = Column(ForeignKey("notification_rules.id", ondelete="CASCADE"), primary_key=True)
    key: Named[str] = Column(String(200), primary_key=True)
    at: Named[datetime] = Column(UtcDateTime)


# What a rule has already reported, so that a lasting state is reported once
notification_marks = Table("notification_marks", metadata, _MarkColumns, sqlite_with_rowid=False)
