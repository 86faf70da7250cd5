"""Jobs with their indexes, unique keys and dependencies, flows, and idempotency keys (``requests``)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    Uuid,
    false,
    text,
    true,
)

from webapp.schema.columns import Json, NullableJson, UtcDateTime, metadata


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
    run_at: Named[datetime | None] = Column(UtcDateTime)
    unique_key: Named[str | None] = Column(String(200))
    next_key: Named[str | None] = Column(String(200))
    root_id: Named[UUID | None] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    child_name: Named[str | None] = Column(String(200))
    parts: Named[int] = Column(Integer, server_default=text("0"))
    parts_completed: Named[int] = Column(Integer, server_default=text("0"))
    parts_failed: Named[int] = Column(Integer, server_default=text("0"))
    parts_cancelled: Named[int] = Column(Integer, server_default=text("0"))
    parts_stale: Named[int] = Column(Integer, server_default=text("0"))  # of the failed ones
    tolerant: Named[bool] = Column(Boolean, server_default=false())
    has_dependents: Named[bool] = Column(Boolean, server_default=false())
    record_only: Named[bool] = Column(Boolean, server_default=false())
    again_of: Named[UUID | None] = Column(Uuid)
    attempt: Named[int] = Column(Integer, server_default=text("0"))
    max_attempts: Named[int] = Column(Integer, server_default=text("1"))
    uncounted_attempts: Named[int] = Column(Integer, server_default=text("0"))
    interruptions: Named[int] = Column(Integer, server_default=text("0"))
    lease_id: Named[UUID | None] = Column(Uuid)
    created_at: Named[datetime] = Column(UtcDateTime)
    started_at: Named[datetime | None] = Column(UtcDateTime)
    finished_at: Named[datetime | None] = Column(UtcDateTime)
    heartbeat_at: Named[datetime | None] = Column(UtcDateTime)
    cancel_requested_at: Named[datetime | None] = Column(UtcDateTime)
    cancel_kind: Named[str | None] = Column(String(12))
    kept_at: Named[datetime | None] = Column(UtcDateTime)
    version: Named[int] = Column(Integer, server_default=text("1"))
    tags: Named[list[str] | None] = Column(NullableJson)
    approval: Named[str | None] = Column(String(12))
    approval_ends_at: Named[datetime | None] = Column(UtcDateTime)
    edited_by: Named[UUID | None] = Column(Uuid)
    asked_of: Named[str | None] = Column(String(100))
    rate_key: Named[str | None] = Column(String(240))
    shared_with: Named[str | None] = Column(String(80))  # the name of a group


jobs = Table(
    "jobs",
    metadata,
    _JobColumns,
    CheckConstraint("NOT public OR owner_id IS NULL", name="only_system_jobs_are_public"),
    CheckConstraint("lease_id IS NULL OR status = 'running'", name="only_running_jobs_are_leased"),
)
_queued = text("status = 'queued'")
_unfinished = text("status IN ('held', 'scheduled', 'queued', 'running', 'waiting')")
_public = text("public")
# Pages read the newest rows first, which an ascending index read backwards supports; new ids are then
# appended at its end, where index pages are filled and not split. Only the claim needs mixed directions,
# in its own order, and it stops at the first row
Index("ix_jobs_claim", jobs.c.queue, jobs.c.priority.desc(), jobs.c.fair, jobs.c.id,
      sqlite_where=_queued, postgresql_where=_queued)  # fmt: skip
Index("ix_jobs_unfinished", jobs.c.status, jobs.c.id, sqlite_where=_unfinished, postgresql_where=_unfinished)
_waits_for_key = text("next_key IS NOT NULL AND status = 'held'")
Index("ix_jobs_next_key", jobs.c.next_key, sqlite_where=_waits_for_key, postgresql_where=_waits_for_key)
Index("ix_jobs_public", jobs.c.id, sqlite_where=_public, postgresql_where=_public)
Index("ix_jobs_public_status", jobs.c.status, jobs.c.id, sqlite_where=_public, postgresql_where=_public)
# Lists show roots only: without indexes of their own, a page would read over all children of a large family;
# lists with children scan both, so that each job is in one of the two. On PostgreSQL, completed jobs, which most jobs
# are, have indexes of their own without the status: an entry is smaller, and new ones are appended. SQLite uses those
# only if their conditions are in the query, and then takes others for some lists
_root = text("root_id IS NULL")
_other_root = text("root_id IS NULL AND status <> 'completed'")
_completed_root = text("root_id IS NULL AND status = 'completed'")
_public_root = text("public AND root_id IS NULL")
Index("ix_jobs_root_status", jobs.c.status, jobs.c.id, sqlite_where=_root, postgresql_where=_other_root)
Index("ix_jobs_root_completed", jobs.c.id, postgresql_where=_completed_root).ddl_if(dialect="postgresql")
Index("ix_jobs_root_owner", jobs.c.owner_id, jobs.c.id, sqlite_where=_root, postgresql_where=_root)
Index("ix_jobs_root_owner_status", jobs.c.owner_id, jobs.c.status, jobs.c.id,
      sqlite_where=_root, postgresql_where=_other_root)  # fmt: skip
Index("ix_jobs_root_owner_completed", jobs.c.owner_id, jobs.c.id,
      postgresql_where=_completed_root).ddl_if(dialect="postgresql")  # fmt: skip
_child = text("root_id IS NOT NULL")
_other_child = text("root_id IS NOT NULL AND status <> 'completed'")
_completed_child = text("root_id IS NOT NULL AND status = 'completed'")
Index("ix_jobs_child_owner", jobs.c.owner_id, jobs.c.id, sqlite_where=_child, postgresql_where=_child)
Index("ix_jobs_child_owner_status", jobs.c.owner_id, jobs.c.status, jobs.c.id,
      sqlite_where=_child, postgresql_where=_other_child)  # fmt: skip
Index("ix_jobs_child_owner_completed", jobs.c.owner_id, jobs.c.id,
      postgresql_where=_completed_child).ddl_if(dialect="postgresql")  # fmt: skip
_ended_child = "root_id IS NOT NULL AND finished_at IS NOT NULL"
Index("ix_jobs_child_ended", jobs.c.status, jobs.c.id, sqlite_where=text(_ended_child),
      postgresql_where=text(f"{_ended_child} AND status <> 'completed'"))  # fmt: skip
Index("ix_jobs_child_completed", jobs.c.id,
      postgresql_where=text(f"{_ended_child} AND status = 'completed'")).ddl_if(dialect="postgresql")  # fmt: skip
Index("ix_jobs_root_public", jobs.c.id, sqlite_where=_public_root, postgresql_where=_public_root)
Index("ix_jobs_root_public_status", jobs.c.status, jobs.c.id,
      sqlite_where=_public_root, postgresql_where=_public_root)  # fmt: skip
Index("ix_jobs_lease", jobs.c.lease_id, sqlite_where=text("lease_id IS NOT NULL"),
      postgresql_where=text("lease_id IS NOT NULL"))  # fmt: skip
Index("ix_jobs_root", jobs.c.root_id, sqlite_where=text("root_id IS NOT NULL"),
      postgresql_where=text("root_id IS NOT NULL"))  # fmt: skip
Index("ix_jobs_child_name", jobs.c.root_id, jobs.c.child_name,
      sqlite_where=text("child_name IS NOT NULL"), postgresql_where=text("child_name IS NOT NULL"))  # fmt: skip
Index("ix_jobs_turn", jobs.c.queue, jobs.c.owner_id, jobs.c.priority, jobs.c.fair,
      sqlite_where=_queued, postgresql_where=_queued)  # fmt: skip
Index("ix_jobs_running", jobs.c.queue, jobs.c.type, jobs.c.owner_id,
      sqlite_where=text("status = 'running'"), postgresql_where=text("status = 'running'"))  # fmt: skip
Index("ix_jobs_again", jobs.c.again_of, sqlite_where=text("again_of IS NOT NULL"),
      postgresql_where=text("again_of IS NOT NULL"))  # fmt: skip
Index("ix_jobs_due", jobs.c.run_at, sqlite_where=text("status = 'scheduled'"),
      postgresql_where=text("status = 'scheduled'"))  # fmt: skip
# Only jobs with a rate are in these two: those that can be claimed, and those that wait for their rate
_rated = text("status = 'queued' AND rate_key IS NOT NULL")
_waits_for_rate = text("status = 'scheduled' AND run_at IS NULL AND rate_key IS NOT NULL")
Index("ix_jobs_rated", jobs.c.queue, jobs.c.rate_key, sqlite_where=_rated, postgresql_where=_rated)
Index("ix_jobs_waiting_for_rate", jobs.c.rate_key, jobs.c.queue, jobs.c.priority.desc(), jobs.c.fair, jobs.c.id,
      sqlite_where=_waits_for_rate, postgresql_where=_waits_for_rate)  # fmt: skip
_tagged = text("tags IS NOT NULL")  # SQLite reads all tagged jobs for a tag, PostgreSQL finds them by the second index
Index("ix_jobs_tagged", jobs.c.id, sqlite_where=_tagged, postgresql_where=_tagged)
Index("ix_jobs_tags", jobs.c.tags, postgresql_using="gin", postgresql_where=_tagged).ddl_if(dialect="postgresql")
# among many public jobs of which few have tags
Index("ix_jobs_public_tagged", jobs.c.id, postgresql_where=text("public AND tags IS NOT NULL")).ddl_if(
    dialect="postgresql"
)
_needs_approval = text("approval IS NOT NULL")
Index("ix_jobs_approval", jobs.c.status, jobs.c.id, sqlite_where=_needs_approval, postgresql_where=_needs_approval)
_asks = text("asked_of IS NOT NULL")
Index("ix_jobs_asks", jobs.c.asked_of, jobs.c.id, sqlite_where=_asks, postgresql_where=_asks)
# Only shared jobs are in these three; lists without child jobs read the last two
_shared = text("shared_with IS NOT NULL")
_shared_root = text("shared_with IS NOT NULL AND root_id IS NULL")
Index("ix_jobs_shared", jobs.c.shared_with, jobs.c.id, sqlite_where=_shared, postgresql_where=_shared)
Index("ix_jobs_root_shared", jobs.c.shared_with, jobs.c.id, sqlite_where=_shared_root, postgresql_where=_shared_root)
Index("ix_jobs_root_shared_status", jobs.c.shared_with, jobs.c.status, jobs.c.id,
      sqlite_where=_shared_root, postgresql_where=_shared_root)  # fmt: skip
Index("ix_jobs_type", jobs.c.type, jobs.c.id)
Index("ix_jobs_finished", jobs.c.finished_at, sqlite_where=text("finished_at IS NOT NULL"),
      postgresql_where=text("finished_at IS NOT NULL"))  # fmt: skip
_ended_badly = text("status IN ('failed', 'stale', 'cancelled')")
Index("ix_jobs_ended_badly", jobs.c.finished_at, sqlite_where=_ended_badly, postgresql_where=_ended_badly)


class _ClaimedKeyColumns(TypedColumns):
    key: Named[str] = Column(String(200), primary_key=True)
    job_id: Named[UUID] = Column(Uuid)


# The unique keys of unfinished jobs. Triggers (migration 0044) insert and delete the rows in the statement that changes
# the job. A foreign key would look for the key of every job that is deleted
claimed_keys = Table("claimed_keys", metadata, _ClaimedKeyColumns, sqlite_with_rowid=False)


class _DependencyColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    after_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    only_on_success: Named[bool] = Column(Boolean, server_default=true())
    waits: Named[bool] = Column(Boolean, server_default=false())  # for a retry, if the other did not complete


dependencies = Table("dependencies", metadata, _DependencyColumns)
Index("ix_dependencies_after", dependencies.c.after_id)


class _RequestColumns(TypedColumns):
    key: Named[str] = Column(String(120), primary_key=True)
    job_id: Named[UUID] = Column(Uuid, ForeignKey("jobs.id", ondelete="CASCADE"))
    created_at: Named[datetime] = Column(UtcDateTime)


requests = Table("requests", metadata, _RequestColumns)
Index("ix_requests_job", requests.c.job_id)


class _FlowColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    title: Named[str] = Column(String(200))
    owner_id: Named[UUID | None] = Column(Uuid)
    public: Named[bool] = Column(Boolean, server_default=false())
    tenant: Named[str | None] = Column(String(80))
    triggered_by: Named[UUID | None] = Column(Uuid)
    started_by_job: Named[UUID | None] = Column(Uuid)
    request_key: Named[str | None] = Column(String(280))
    created_at: Named[datetime] = Column(UtcDateTime)


flows = Table("flows", metadata, _FlowColumns)
Index("uq_flows_request_key", flows.c.request_key, unique=True)


class _FlowJobColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    flow_id: Named[UUID] = Column(ForeignKey("flows.id", ondelete="CASCADE"))
    name: Named[str] = Column(String(200))


flow_jobs = Table("flow_jobs", metadata, _FlowJobColumns, sqlite_with_rowid=False)
Index("uq_flow_jobs_name", flow_jobs.c.flow_id, flow_jobs.c.name, unique=True)
