"""User accounts with sessions, second factors and single sign-on, groups of users, and budgets of a month."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    Uuid,
    false,
    text,
    true,
)

from webapp.schema.columns import Json, UtcDateTime, metadata


class _UserColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    name: Named[str] = Column(String(80), unique=True)
    full_name: Named[str] = Column(String(120), server_default="")
    email: Named[str | None] = Column(String(254))
    password_hash: Named[str] = Column(String(255))
    role: Named[str] = Column(String(10))
    active: Named[bool] = Column(Boolean, server_default=true())
    tenant: Named[str | None] = Column(String(80))
    theme: Named[str] = Column(String(6), server_default="system")
    timezone: Named[str] = Column(String(64), server_default="")
    language: Named[str] = Column(String(5), server_default="")
    live_updates: Named[bool] = Column(Boolean, server_default=true())
    notify: Named[str] = Column(String(7), server_default="always")
    created_at: Named[datetime] = Column(UtcDateTime)
    imported_by: Named[UUID | None] = Column(Uuid)
    password_is_temporary: Named[bool] = Column(Boolean, server_default=false())
    is_service: Named[bool] = Column(Boolean, server_default=false())
    list_columns: Named[str] = Column(String(200), server_default="")
    favourite_types: Named[str] = Column(Text, server_default="")
    seen_until: Named[datetime | None] = Column(UtcDateTime)
    factor_removed_at: Named[datetime | None] = Column(UtcDateTime)  # by somebody else, until the user has seen it


users = Table(
    "users",
    metadata,
    _UserColumns,
    CheckConstraint("role IN ('user', 'auditor', 'operator', 'admin')", name="known_role"),
)


class _SessionColumns(TypedColumns):
    token_hash: Named[bytes] = Column(LargeBinary(32), primary_key=True)
    user_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Named[datetime] = Column(UtcDateTime)
    seen_at: Named[datetime] = Column(UtcDateTime)
    address: Named[str] = Column(String(64), server_default="")
    user_agent: Named[str] = Column(String(200), server_default="")
    signed_on: Named[bool] = Column(Boolean, server_default=false())  # by single sign-on, without a password
    id_token: Named[dict[str, str] | None] = Column(Json)  # of the provider, encrypted


sessions = Table("sessions", metadata, _SessionColumns)
Index("ix_sessions_user", sessions.c.user_id)


class _IdentityColumns(TypedColumns):
    user_id: Named[UUID] = Column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    issuer: Named[str] = Column(String(255))
    subject: Named[str] = Column(String(255))
    created_at: Named[datetime] = Column(UtcDateTime)


identities = Table("identities", metadata, _IdentityColumns, UniqueConstraint("issuer", "subject"))


class _FactorColumns(TypedColumns):
    user_id: Named[UUID] = Column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Named[dict[str, str]] = Column(Json)  # encrypted
    last_step: Named[int] = Column(BigInteger)  # of the last code that was used
    created_at: Named[datetime] = Column(UtcDateTime)


second_factors = Table("second_factors", metadata, _FactorColumns)


class _RecoveryColumns(TypedColumns):
    user_id: Named[UUID] = Column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Named[bytes] = Column(LargeBinary(32), primary_key=True)


recovery_codes = Table("recovery_codes", metadata, _RecoveryColumns)


class _GroupColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    name: Named[str] = Column(String(120), unique=True)
    description: Named[str] = Column(String(200), server_default="")
    created_at: Named[datetime] = Column(UtcDateTime)


user_groups = Table("user_groups", metadata, _GroupColumns)


class _MemberColumns(TypedColumns):
    group_id: Named[UUID] = Column(Uuid, ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Named[UUID] = Column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    by_hand: Named[bool] = Column(Boolean, primary_key=True, server_default=true())  # else single sign-on says so


group_members = Table("group_members", metadata, _MemberColumns)
Index("ix_group_members_user", group_members.c.user_id)


class _TypeColumns(TypedColumns):
    group_id: Named[UUID] = Column(Uuid, ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True)
    type_name: Named[str] = Column(String(80), primary_key=True)


group_types = Table("group_types", metadata, _TypeColumns)


class _BudgetColumns(TypedColumns):
    subject: Named[str] = Column(String(60), primary_key=True)  # user:<id> or role:<name>
    jobs: Named[int | None] = Column(BigInteger)
    cpu_seconds: Named[float | None] = Column(Float)
    memory_gb_hours: Named[float | None] = Column(Float)
    changed_at: Named[datetime] = Column(UtcDateTime)
    changed_by: Named[UUID | None] = Column(Uuid)


budgets = Table("budgets", metadata, _BudgetColumns)


class _UsageColumns(TypedColumns):
    user_id: Named[UUID] = Column(Uuid, primary_key=True)
    month: Named[str] = Column(String(7), primary_key=True)  # 2026-11
    jobs: Named[int] = Column(BigInteger, server_default=text("0"))
    cpu_seconds: Named[float] = Column(Float, server_default=text("0"))
    memory_gb_hours: Named[float] = Column(Float, server_default=text("0"))
    since: Named[datetime] = Column(UtcDateTime)  # when counting began in this month


budget_usage = Table("budget_usage", metadata, _UsageColumns)
