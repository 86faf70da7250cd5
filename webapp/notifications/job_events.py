"""Which ends of jobs a rule reports: reads the feed of events, and decides whose jobs a rule covers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, and_, select

from webapp.jobs.model.approval import ApprovalState
from webapp.jobs.model.job import EventName, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.notifications.rule import DELIVERY_TYPE, NotificationRule, Topic, Whose
from webapp.schema import attempts, events, jobs

_ENDS: Mapping[str, Topic] = {
    EventName.COMPLETED: Topic.FINISHED,
    EventName.FAILED: Topic.FAILED,
    EventName.STALE: Topic.FAILED,
    EventName.LOST: Topic.FAILED,
}
_STATUS_OF: Mapping[Topic, frozenset[str]] = {
    Topic.FINISHED: frozenset({Status.COMPLETED}),
    Topic.FAILED: frozenset({Status.FAILED, Status.STALE}),
}
JOB_COLUMNS = tuple(
    jobs.c[name]
    for name in (
        "type",
        "queue",
        "title",
        "owner_id",
        "triggered_by",
        "tenant",
        "public",
        "status",
        "started_at",
        "tags",
        "approval",
        "asked_of",
        "edited_by",
        "shared_with",
    )
)
REPORTED = and_(jobs.c.root_id.is_(None), jobs.c.type != DELIVERY_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedJob:
    """A job as rules see it; ``error`` is for those who can open the job."""

    id: UUID
    type: str
    queue: str
    title: str
    owner_id: UUID | None
    triggered_by: UUID | None
    tenant: str | None
    public: bool = False
    error: str = ""
    tags: tuple[str, ...] = ()
    edited_by: UUID | None = None
    waits_for_approval: bool = False
    asked_of: str | None = None
    shared_with: str | None = None

    def item(self, topic: Topic, at: datetime, *, opens: bool, **more: Any) -> dict[str, Any]:
        """Return what is stored of the event in a message."""
        detail = self.error if opens else ""
        known = {"job_id": str(self.id), "title": self.title, "type": self.type, "queue": self.queue}
        return {"topic": topic.value, "at": at.isoformat(), **known, "detail": detail, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """The end of a job that a rule can report."""

    topic: Topic
    at: datetime
    job: ReportedJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The user of a rule with their permissions now; a rule of the installation has neither."""

    rule: NotificationRule
    policy: JobPolicy | None

    def covers(self, job: ReportedJob) -> bool:
        """Return whether the rule reports events of a job."""
        return self._selects(job) and self.sees(job)

    def asks_about(self, job: ReportedJob) -> bool:
        """Return whether the rule reports that a job waits for approval, whoever started it."""
        return self._selects(job) and self.approves(job)

    def approves(self, job: ReportedJob) -> bool:
        """Return whether the job waits for the approval of the user; for a rule of the installation, of anybody."""
        policy = self.policy
        if policy is None or not job.waits_for_approval:
            return job.waits_for_approval
        if policy.refusal_to_approve(job.type, job.owner_id, job.triggered_by, job.edited_by) is not None:
            return False
        return job.tenant == policy.tenant or (policy.sees_all and policy.tenant is None)

    def is_asked_by(self, job: ReportedJob) -> bool:
        """Return whether the rule reports that a job asks a person, whoever started it."""
        return self._selects(job) and self.answers(job)

    def answers(self, job: ReportedJob) -> bool:
        """Return whether the job asks the user and waits; for a rule of the installation, anybody."""
        if self.policy is None or job.asked_of is None:
            return job.asked_of is not None
        return self.policy.is_asked(job.asked_of, job.tenant)

    def _selects(self, job: ReportedJob) -> bool:
        rule = self.rule
        if rule.type not in {"", job.type} or rule.queue not in {"", job.queue}:
            return False
        return (not rule.tag or rule.tag in job.tags) and rule.owner_id in {None, job.owner_id}

    def item(self, topic: Topic, at: datetime, job: ReportedJob, **more: Any) -> dict[str, Any]:
        """Return the part of an event that the user can read."""
        return job.item(topic, at, opens=self.opens(job), **more)

    def opens(self, job: ReportedJob) -> bool:
        """Return whether the user can read what a job that they see read and wrote."""
        policy = self.policy
        if policy is None:
            return True
        shared = policy.is_shared(job.shared_with, job.tenant)
        return policy.opens(job.type, job.owner_id, job.triggered_by, shared=shared)

    def sees(self, job: ReportedJob) -> bool:
        """Return whether the user can see a job, and it is one whose events the rule reports."""
        return self._sees(job.owner_id, job.triggered_by, job.tenant, public=job.public)

    def sees_schedule(self, owner_id: UUID | None, tenant: str | None) -> bool:
        """Return whether the user can see a schedule, as its owner or because they see all jobs that it starts."""
        return self._sees(owner_id, None, tenant)

    def _sees(
        self, owner_id: UUID | None, triggered_by: UUID | None, tenant: str | None, *, public: bool = False
    ) -> bool:
        policy = self.policy
        if policy is None:
            return True
        if owner_id is None and triggered_by == policy.user_id and tenant in {None, policy.tenant}:
            return True  # they have started it for the system
        reported = policy.user_id in {owner_id, triggered_by} or (self.rule.whose is Whose.ALL and policy.sees_all)
        return reported and policy.sees(owner_id, tenant, public=public)


def job_ends(connection: Connection, after: int, last: int) -> Iterator[JobEnd]:
    """Return the ends of jobs among the events after one and up to another, oldest first.

    An end that was not the last one is left out: its job is retried, or runs again already.
    """
    attempt = and_(attempts.c.job_id == events.c.job_id, attempts.c.number == events.c.attempt)
    query = (
        select(events.c.name, events.c.at, events.c.detail, attempts.c.error, jobs.c.id, jobs.c.errors, *JOB_COLUMNS)
        .select_from(
            events.join(jobs, and_(jobs.c.id == events.c.job_id, jobs.c.attempt == events.c.attempt)).outerjoin(
                attempts, attempt
            )
        )
        .where(events.c.id > after, events.c.id <= last, events.c.name.in_(list(_ENDS)), REPORTED)
        .order_by(events.c.id)
    )
    for row in connection.execute(query).mappings():
        topic = _ENDS[row["name"]]
        if row["status"] in _STATUS_OF[topic]:
            yield JobEnd(topic=topic, at=row["at"], job=reported_job(row, _error(row) if topic is Topic.FAILED else ""))


def reported_job(row: RowMapping, error: str = "") -> ReportedJob:
    """Return the job of a row with `JOB_COLUMNS`."""
    names = ("id", "type", "queue", "title", "owner_id", "triggered_by", "tenant", "public")
    return ReportedJob(
        **{name: row[name] for name in names},
        error=error,
        tags=tuple(row["tags"] or ()),
        edited_by=row["edited_by"],
        asked_of=row["asked_of"],
        shared_with=row["shared_with"],
        waits_for_approval=row["status"] == Status.HELD and row["approval"] == ApprovalState.PENDING,
    )


def _error(row: RowMapping) -> str:
    last = row["errors"][-1]["text"] if row["errors"] else ""
    return str(last or row["error"] or row["detail"] or "")
