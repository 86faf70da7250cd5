"""Notices: that a job of theirs has ended, for the people who own jobs.

The database writes them itself (a trigger, migration 0010), in whichever transaction ends a job: none is
forgotten, and a job of the system costs nothing. They go with their jobs. Nothing is sent anywhere.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, Select, bindparam, func, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.model.job import Status
from webapp.schema import jobs, notices, now

CEILING = 100
PAGE = 50
_UNREAD = (
    select(notices.c.id)
    .where(notices.c.user_id == bindparam("user_id"), notices.c.read_at.is_(None))
    .order_by(notices.c.id.desc())
    .limit(CEILING)
    .subquery()
)
_STATE = select(func.count(), func.max(_UNREAD.c.id)).select_from(_UNREAD)  # once, for each poll asks it


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One job's end; ``read_at`` is None until its owner has seen it."""

    id: int
    job_id: UUID
    title: str
    status: Status
    at: datetime
    read_at: datetime | None


class Notifications:
    """The notices of one database. Everybody reaches the own ones only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unread(self, user_id: UUID, limit: int = PAGE) -> tuple[Notification, ...]:
        """Return what this person has not seen, newest first."""
        return self._some(_of(user_id).where(notices.c.read_at.is_(None)).order_by(notices.c.id.desc()).limit(limit))

    def read(self, user_id: UUID, limit: int = PAGE) -> tuple[Notification, ...]:
        """Return what this person has seen, as it was read, latest first."""
        seen = _of(user_id).where(notices.c.read_at.is_not(None))
        return self._some(seen.order_by(notices.c.read_at.desc(), notices.c.id.desc()).limit(limit))

    def after(self, user_id: UUID, notice_id: int, limit: int = PAGE) -> tuple[Notification, ...]:
        """Return what has come after a notice and was not seen, oldest first."""
        newer = _of(user_id).where(notices.c.read_at.is_(None), notices.c.id > notice_id)
        return self._some(newer.order_by(notices.c.id).limit(limit))

    def state(self, user_id: UUID) -> tuple[int, int]:
        """Return how many are unread (stops at `CEILING`), and the number of the latest of them; 0 if there is none."""
        with reading(self._engine) as connection:
            count, latest = connection.execute(_STATE, {"user_id": user_id}).one()
        return count, latest or 0

    def mark_read(self, user_id: UUID, notice_id: int | None = None) -> None:
        """Mark one of this person's notices as read, or all of them."""
        mine = [notices.c.user_id == user_id, notices.c.read_at.is_(None)]
        if notice_id is not None:
            mine.append(notices.c.id == notice_id)
        with writing(self._engine) as connection:
            connection.execute(update(notices).where(*mine).values(read_at=now()))

    def _some(self, statement: Select[*tuple[object, ...]]) -> tuple[Notification, ...]:
        with reading(self._engine) as connection:
            rows = connection.execute(statement).mappings()
            return tuple(Notification(**{**row, "status": Status(row["status"])}) for row in rows)


def _of(user_id: UUID) -> Select[*tuple[object, ...]]:
    columns = (notices.c.id, notices.c.job_id, jobs.c.title, notices.c.kind.label("status"))
    rows = select(*columns, notices.c.at, notices.c.read_at).join(jobs, jobs.c.id == notices.c.job_id)
    return rows.where(notices.c.user_id == user_id)
