"""The tables, typed. Knows names and types, no meaning."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    TypeDecorator,
    Uuid,
    false,
    literal,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; SQLite by itself gives naive ones back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store UTC; refuse a moment without a zone."""
        if value is not None and value.tzinfo is None:
            message = f"{value!r} has no time zone"
            raise ValueError(message)
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class now(FunctionElement[datetime]):  # noqa: N801  (reads as the SQL function that it is)
    """The database's clock: the only clock whose times are stored."""

    type = Moment()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(*_: Any, **__: Any) -> str:
    # SQLite counts milliseconds; the zeros make the text as SQLAlchemy stores it
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


@compiles(now, "postgresql")
def _now_postgresql(*_: Any, **__: Any) -> str:
    return "clock_timestamp()"


class later(FunctionElement[datetime]):  # noqa: N801
    """The database's clock, plus a number of seconds."""

    type = Moment()
    inherit_cache = True
    name = "later"

    def __init__(self, seconds: float | ColumnElement[float]) -> None:
        super().__init__(literal(seconds, Float()) if isinstance(seconds, int | float) else seconds)


@compiles(later, "sqlite")
def _later_sqlite(element: later, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')"


@compiles(later, "postgresql")
def _later_postgresql(element: later, compiler: Any, **options: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **options)}))"


Json: Any = JSON().with_variant(JSONB(), "postgresql")
Counter = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only in INTEGER


class _JobColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    type: Named[str] = Column(String(80))
    title: Named[str] = Column(String(200))
    status: Named[str] = Column(String(12))
    queue: Named[str] = Column(String(80))
    priority: Named[int] = Column(Integer)
    fair: Named[int] = Column(BigInteger, server_default=text("0"))
    own_process: Named[bool] = Column(Boolean, server_default=false())
    owner_id: Named[UUID | None] = Column(Uuid)
    public: Named[bool] = Column(Boolean, server_default=false())
    tenant: Named[str | None] = Column(String(80))
    triggered_by: Named[UUID | None] = Column(Uuid)
    payload: Named[dict[str, Any]] = Column(Json)
    progress: Named[float] = Column(Float, server_default=text("0"))
    done: Named[float | None] = Column(Float)
    total: Named[float | None] = Column(Float)
    message: Named[str] = Column(Text, server_default="")
    warnings: Named[list[dict[str, Any]]] = Column(Json, server_default="[]")
    errors: Named[list[dict[str, Any]]] = Column(Json, server_default="[]")
    metadata: Named[dict[str, Any]] = Column(Json, server_default="{}")
    state: Named[dict[str, Any]] = Column(Json, server_default="{}")
    run_at: Named[datetime | None] = Column(Moment)
    unique_key: Named[str | None] = Column(String(200))
    root_id: Named[UUID | None] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    child_name: Named[str | None] = Column(String(200))
    parts: Named[int] = Column(Integer, server_default=text("0"))
    parts_completed: Named[int] = Column(Integer, server_default=text("0"))
    parts_failed: Named[int] = Column(Integer, server_default=text("0"))
    parts_cancelled: Named[int] = Column(Integer, server_default=text("0"))
    tolerant: Named[bool] = Column(Boolean, server_default=false())
    has_dependents: Named[bool] = Column(Boolean, server_default=false())
    record_only: Named[bool] = Column(Boolean, server_default=false())
    again_of: Named[UUID | None] = Column(Uuid)
    attempt: Named[int] = Column(Integer, server_default=text("0"))
    max_attempts: Named[int] = Column(Integer, server_default=text("1"))
    lease_id: Named[UUID | None] = Column(Uuid)
    created_at: Named[datetime] = Column(Moment)
    started_at: Named[datetime | None] = Column(Moment)
    finished_at: Named[datetime | None] = Column(Moment)
    heartbeat_at: Named[datetime | None] = Column(Moment)
    cancel_requested_at: Named[datetime | None] = Column(Moment)
    cancel_kind: Named[str | None] = Column(String(12))
    version: Named[int] = Column(Integer, server_default=text("1"))


jobs = Table(
    "jobs",
    metadata,
    _JobColumns,
    CheckConstraint("NOT public OR owner_id IS NULL", name="only_system_jobs_are_public"),
    CheckConstraint("lease_id IS NULL OR status = 'running'", name="only_running_jobs_are_leased"),
)
_waiting = text("status = 'queued'")
_unfinished = text("status IN ('held', 'scheduled', 'queued', 'running', 'waiting')")
_public = text("public")
# The claim walks this one in its order and stops at the first row
Index("ix_jobs_claim", jobs.c.queue, jobs.c.priority.desc(), jobs.c.fair, jobs.c.id,
      sqlite_where=_waiting, postgresql_where=_waiting)  # fmt: skip
Index("ix_jobs_unfinished", jobs.c.status, jobs.c.id, sqlite_where=_unfinished, postgresql_where=_unfinished)
Index("uq_jobs_unique_key", jobs.c.unique_key, unique=True,
      sqlite_where=text(f"unique_key IS NOT NULL AND {_unfinished.text}"),
      postgresql_where=text(f"unique_key IS NOT NULL AND {_unfinished.text}"))  # fmt: skip
Index("ix_jobs_owner", jobs.c.owner_id, jobs.c.id.desc())
Index("ix_jobs_owner_status", jobs.c.owner_id, jobs.c.status, jobs.c.id.desc())
Index("ix_jobs_public", jobs.c.id.desc(), sqlite_where=_public, postgresql_where=_public)
Index("ix_jobs_public_status", jobs.c.status, jobs.c.id.desc(), sqlite_where=_public, postgresql_where=_public)
Index("ix_jobs_lease", jobs.c.lease_id, sqlite_where=text("lease_id IS NOT NULL"),
      postgresql_where=text("lease_id IS NOT NULL"))  # fmt: skip
Index("ix_jobs_root", jobs.c.root_id, sqlite_where=text("root_id IS NOT NULL"),
      postgresql_where=text("root_id IS NOT NULL"))  # fmt: skip
Index("uq_jobs_child_name", jobs.c.root_id, jobs.c.child_name, unique=True,
      sqlite_where=text("child_name IS NOT NULL"), postgresql_where=text("child_name IS NOT NULL"))  # fmt: skip
Index("ix_jobs_turn", jobs.c.queue, jobs.c.owner_id, jobs.c.priority, jobs.c.fair.desc(),
      sqlite_where=_waiting, postgresql_where=_waiting)  # fmt: skip
Index("ix_jobs_running", jobs.c.queue, jobs.c.type, jobs.c.owner_id,
      sqlite_where=text("status = 'running'"), postgresql_where=text("status = 'running'"))  # fmt: skip
Index("ix_jobs_again", jobs.c.again_of, sqlite_where=text("again_of IS NOT NULL"),
      postgresql_where=text("again_of IS NOT NULL"))  # fmt: skip
Index("ix_jobs_due", jobs.c.run_at, sqlite_where=text("status = 'scheduled'"),
      postgresql_where=text("status = 'scheduled'"))  # fmt: skip
Index("ix_jobs_type", jobs.c.type, jobs.c.id.desc())
Index("ix_jobs_finished", jobs.c.finished_at, sqlite_where=text("finished_at IS NOT NULL"),
      postgresql_where=text("finished_at IS NOT NULL"))  # fmt: skip


class _AttemptColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    outcome: Named[str] = Column(String(12))
    worker: Named[str] = Column(String(80))
    host: Named[str] = Column(String(255))
    pid: Named[int] = Column(Integer)
    started_at: Named[datetime] = Column(Moment)
    finished_at: Named[datetime] = Column(Moment)
    error: Named[str | None] = Column(Text)
    traceback: Named[str | None] = Column(Text)
    peak_memory: Named[int | None] = Column(BigInteger)
    cpu_seconds: Named[float | None] = Column(Float)


attempts = Table("attempts", metadata, _AttemptColumns, sqlite_with_rowid=False)


class _EventColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Named[datetime] = Column(Moment)
    name: Named[str] = Column(String(40))
    attempt: Named[int] = Column(Integer)
    actor_id: Named[UUID | None] = Column(Uuid)
    detail: Named[str] = Column(Text, server_default="")


events = Table("events", metadata, _EventColumns)
Index("ix_events_job", events.c.job_id, events.c.id)


class _LogLineColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Named[int] = Column(Integer)
    at: Named[datetime] = Column(Moment)
    level: Named[str] = Column(String(10))
    text: Named[str] = Column(Text)


log_lines = Table("log_lines", metadata, _LogLineColumns)
Index("ix_log_lines_job", log_lines.c.job_id, log_lines.c.id)


class _AttachmentColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Named[int] = Column(Integer)
    role: Named[str] = Column(String(6))
    name: Named[str] = Column(String(255))
    media_type: Named[str] = Column(String(127))
    size: Named[int] = Column(BigInteger)
    sha256: Named[str] = Column(String(64))
    created_at: Named[datetime] = Column(Moment)
    expires_at: Named[datetime | None] = Column(Moment)
    deleted_at: Named[datetime | None] = Column(Moment)


attachments = Table(
    "attachments",
    metadata,
    _AttachmentColumns,
    CheckConstraint("role IN ('input', 'output')", name="known_role"),
)
Index("ix_attachments_job", attachments.c.job_id, attachments.c.id)


class _DependencyColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    after_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    only_on_success: Named[bool] = Column(Boolean, server_default=true())


dependencies = Table("dependencies", metadata, _DependencyColumns)
Index("ix_dependencies_after", dependencies.c.after_id)


class _QueueColumns(TypedColumns):
    name: Named[str] = Column(String(80), primary_key=True)
    paused_at: Named[datetime | None] = Column(Moment)
    paused_by: Named[UUID | None] = Column(Uuid)
    reason: Named[str] = Column(String(200), server_default="")
    max_running: Named[int | None] = Column(Integer)


queues = Table("queues", metadata, _QueueColumns)


class _LeaseColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    host: Named[str] = Column(String(255))
    boot_id: Named[str] = Column(String(64))
    worker: Named[str] = Column(String(80))
    worker_pid: Named[int] = Column(Integer)
    queue: Named[str] = Column(String(80))
    beat: Named[int] = Column(Integer, server_default=text("0"))
    beat_at: Named[datetime] = Column(Moment)
    started_at: Named[datetime] = Column(Moment)


leases = Table("leases", metadata, _LeaseColumns)


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
    created_at: Named[datetime] = Column(Moment)
    imported_by: Named[UUID | None] = Column(Uuid)


users = Table(
    "users",
    metadata,
    _UserColumns,
    CheckConstraint("role IN ('user', 'auditor', 'operator', 'admin')", name="known_role"),
)


class _SessionColumns(TypedColumns):
    token_hash: Named[bytes] = Column(LargeBinary(32), primary_key=True)
    user_id: Named[UUID] = Column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Named[datetime] = Column(Moment)
    seen_at: Named[datetime] = Column(Moment)
    address: Named[str] = Column(String(64), server_default="")
    user_agent: Named[str] = Column(String(200), server_default="")


sessions = Table("sessions", metadata, _SessionColumns)
Index("ix_sessions_user", sessions.c.user_id)
