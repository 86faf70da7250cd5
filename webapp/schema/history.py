"""The history of jobs: attempts, steps, questions, events and log lines."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
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
)
from sqlalchemy import text as sql

from webapp.schema.columns import Counter, Json, NullableJson, UtcDateTime, metadata


class _AttemptColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    outcome: Named[str] = Column(String(12))
    worker: Named[str] = Column(String(80))
    host: Named[str] = Column(String(255))
    pid: Named[int] = Column(Integer)
    started_at: Named[datetime] = Column(UtcDateTime)
    finished_at: Named[datetime] = Column(UtcDateTime)
    error: Named[str | None] = Column(Text)
    traceback: Named[str | None] = Column(Text)
    peak_memory: Named[int | None] = Column(BigInteger)
    cpu_seconds: Named[float | None] = Column(Float)
    longest_silence: Named[float | None] = Column(Float)  # seconds without a report


attempts = Table("attempts", metadata, _AttemptColumns, sqlite_with_rowid=False)


class _EventColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    # no foreign key, which would look up and lock the job for every event; a trigger deletes them with the job
    job_id: Named[UUID] = Column(Uuid)
    at: Named[datetime] = Column(UtcDateTime)
    name: Named[str] = Column(String(40))
    attempt: Named[int] = Column(Integer)
    actor_id: Named[UUID | None] = Column(Uuid)
    detail: Named[str] = Column(Text, server_default="")
    request_id: Named[str | None] = Column(String(64))  # of the HTTP request that caused it
    trace_parent: Named[str | None] = Column(String(55))  # of its trace, in the format of W3C


events = Table("events", metadata, _EventColumns)
Index("ix_events_job", events.c.job_id, events.c.id)


class _LogLineColumns(TypedColumns):
    id: Named[int] = Column(Counter, primary_key=True)
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Named[int] = Column(Integer)
    at: Named[datetime] = Column(UtcDateTime)
    level: Named[str] = Column(String(10))
    text: Named[str] = Column(Text)


log_lines = Table("log_lines", metadata, _LogLineColumns)
Index("ix_log_lines_job", log_lines.c.job_id, log_lines.c.id)


class _StepColumns(TypedColumns):
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    name: Named[str] = Column(String(80), primary_key=True)
    place: Named[int] = Column(Integer)  # in the order in which they ended
    attempt: Named[int] = Column(Integer)  # that ran it; 0 if another job did
    started_at: Named[datetime] = Column(UtcDateTime)
    finished_at: Named[datetime] = Column(UtcDateTime)
    result: Named[Any] = Column(Json)


job_steps = Table("job_steps", metadata, _StepColumns, sqlite_with_rowid=False)


class _QuestionColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    job_id: Named[UUID] = Column(ForeignKey("jobs.id", ondelete="CASCADE"))
    name: Named[str] = Column(String(80))
    text: Named[str] = Column(Text)
    form: Named[str] = Column(String(200))  # where the class of the answer is: module:Class
    asked_of: Named[str] = Column(String(100))
    default: Named[dict[str, Any] | None] = Column(NullableJson)
    asked_at: Named[datetime] = Column(UtcDateTime)
    ends_at: Named[datetime | None] = Column(UtcDateTime)
    remind_at: Named[datetime | None] = Column(UtcDateTime)
    remind_every: Named[float | None] = Column(Float)  # seconds
    reminders: Named[int] = Column(Integer, server_default=sql("0"))
    state: Named[str] = Column(String(12))
    answer: Named[dict[str, Any] | None] = Column(NullableJson)
    answered_by: Named[UUID | None] = Column(Uuid)
    closed_at: Named[datetime | None] = Column(UtcDateTime)


job_questions = Table("job_questions", metadata, _QuestionColumns)
_open = sql("state = 'open'")
Index("ix_job_questions_job", job_questions.c.job_id, job_questions.c.id)
Index("uq_job_questions_open", job_questions.c.job_id, unique=True, sqlite_where=_open, postgresql_where=_open)
