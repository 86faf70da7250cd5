"""Notifications: tell users that one of their jobs has ended.

A database trigger (migration 0010) writes them in the transaction that ends a job, so none is lost. System jobs
create none. They are deleted with their jobs. What is sent outside of
Deskjob has rules of its own, see `webapp.notifications`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, and_, bindparam, case, func, or_, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import Status
from webapp.jobs.queries.pauses import OF_EVERYTHING
from webapp.schema import jobs, notices, now, queues

CEILING = 100
PAGE = 50
_FAILURES = (Status.FAILED.value, Status.STALE.value)
_UNREAD = (
    select(notices.c.id, notices.c.kind)
    .where(notices.c.user_id == bindparam("user_id"), notices.c.read_at.is_(None))
    .order_by(notices.c.id.desc())
    .limit(CEILING)
    .subquery()
)
TOP_BAR_STATE = select(  # built once, as every page and poll runs it
    func.count().label("unread"),
    func.coalesce(func.max(_UNREAD.c.id), 0).label("latest"),
    func.count(case((or_(*(_UNREAD.c.kind == kind for kind in _FAILURES)), 1))).label("failures"),
    select(queues.c.paused_at).where(OF_EVERYTHING).scalar_subquery().label("paused_at"),
).select_from(_UNREAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopBarState:
    """How many notifications are unread (up to `CEILING`), how many of these tell a failure, and the latest id.

    ``paused_at`` is when everything was paused. Every page shows that too, so it is read in the same statement.
    """

    unread: int
    latest: int
    failures: int
    paused_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """The end of one job; ``read_at`` is None until its owner has read it."""

    id: int
    job_id: UUID
    title: str
    status: Status
    at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationGroup:
    """How many unread notifications say the same about jobs of one type; ``at`` is the time of the latest."""

    type: str
    status: Status
    count: int
    at: datetime


class Notifications:
    """Reads and marks notifications. Every method is limited to one user's own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unread(
        self, user_id: UUID, limit: int = PAGE, *, without: Collection[NotificationGroup] = ()
    ) -> tuple[Notification, ...]:
        """Return the user's unread notifications, newest first, ``without`` those of some groups."""
        rows = _notifications_of(user_id).where(notices.c.read_at.is_(None), *(~_is_in(group) for group in without))
        return self._fetch(rows.order_by(notices.c.id.desc()).limit(limit))

    def unread_groups(self, user_id: UUID, *, least: int) -> tuple[NotificationGroup, ...]:
        """Return the groups of at least so many unread notifications, latest first."""
        count, latest = func.count(), func.max(notices.c.id)
        groups = (
            select(
                jobs.c.type, notices.c.kind.label("status"), count.label("count"), func.max(notices.c.at).label("at")
            )
            .join(jobs, jobs.c.id == notices.c.job_id)
            .where(notices.c.user_id == user_id, notices.c.read_at.is_(None))
            .group_by(jobs.c.type, notices.c.kind)
            .having(count >= least)
            .order_by(latest.desc())
        )
        with reading(self._engine) as connection:
            rows = connection.execute(groups).mappings()
            return tuple(NotificationGroup(**{**row, "status": Status(row["status"])}) for row in rows)

    def mark_group_read(self, user_id: UUID, type_name: str, status: Status) -> None:
        """Mark the user's notifications about jobs of a type that ended in a status as read."""
        of_type = select(jobs.c.id).where(jobs.c.type == type_name, jobs.c.id == notices.c.job_id).exists()
        unread = (notices.c.user_id == user_id, notices.c.read_at.is_(None), notices.c.kind == status.value)
        with writing(self._engine) as connection:
            connection.execute(update(notices).where(*unread, of_type).values(read_at=now()))

    def read(self, user_id: UUID, limit: int = PAGE) -> tuple[Notification, ...]:
        """Return the user's read notifications, most recently read first."""
        read = _notifications_of(user_id).where(notices.c.read_at.is_not(None))
        return self._fetch(read.order_by(notices.c.read_at.desc(), notices.c.id.desc()).limit(limit))

    def after(self, user_id: UUID, notification_id: int, limit: int = PAGE) -> tuple[Notification, ...]:
        """Return unread notifications newer than one, oldest first."""
        newer = _notifications_of(user_id).where(notices.c.read_at.is_(None), notices.c.id > notification_id)
        return self._fetch(newer.order_by(notices.c.id).limit(limit))

    def state(self, user_id: UUID) -> TopBarState:
        """Return what the top bar shows; the latest id is 0 if there is none."""
        with reading(self._engine) as connection:
            return TopBarState(**connection.execute(TOP_BAR_STATE, {"user_id": user_id}).mappings().one())

    def mark_read(self, user_id: UUID, notification_id: int | None = None) -> None:
        """Mark one of the user's notifications as read, or all of them."""
        unread = [notices.c.user_id == user_id, notices.c.read_at.is_(None)]
        if notification_id is not None:
            unread.append(notices.c.id == notification_id)
        with writing(self._engine) as connection:
            connection.execute(update(notices).where(*unread).values(read_at=now()))

    def mark_failures_seen(self, user_id: UUID, job_ids: Collection[UUID]) -> None:
        """Mark the failures of these jobs as read: their owner has looked at the jobs."""
        seen = (notices.c.user_id == user_id, notices.c.read_at.is_(None), notices.c.kind.in_(_FAILURES))
        with writing(self._engine) as connection:
            connection.execute(update(notices).where(*seen, notices.c.job_id.in_(job_ids)).values(read_at=now()))

    def _fetch(self, statement: Select[*tuple[object, ...]]) -> tuple[Notification, ...]:
        with reading(self._engine) as connection:
            rows = connection.execute(statement).mappings()
            return tuple(Notification(**{**row, "status": Status(row["status"])}) for row in rows)


def _is_in(group: NotificationGroup) -> ColumnElement[bool]:
    return and_(jobs.c.type == group.type, notices.c.kind == group.status.value)


def _notifications_of(user_id: UUID) -> Select[*tuple[object, ...]]:
    columns = (notices.c.id, notices.c.job_id, jobs.c.title, notices.c.kind.label("status"))
    rows = select(*columns, notices.c.at, notices.c.read_at).join(jobs, jobs.c.id == notices.c.job_id)
    return rows.where(notices.c.user_id == user_id)
