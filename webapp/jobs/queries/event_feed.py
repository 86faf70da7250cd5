"""The events of all jobs that a viewer can see, in the order in which they happened, for programs that follow them.

A page of the feed reads at most `SCAN_LIMIT` events, visible or not, so each costs the same. On PostgreSQL ids are
given before the commit, so an event can appear after one with a higher id: the newest second is held back there. A
transaction that takes longer can still be missed by a reader; the job itself tells the truth.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, func, or_, select

from webapp.db.engine import is_sqlite, reading
from webapp.jobs.queries.visible_jobs import Viewer, scopes
from webapp.schema import events, jobs, later

SCAN_LIMIT = 2000
_HELD_BACK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """An event with the job that it happened to."""

    id: int
    job_id: UUID
    type: str
    title: str
    owner_id: UUID | None
    triggered_by: UUID | None
    at: datetime
    name: str
    attempt: int
    actor_id: UUID | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events, oldest first; ``last`` is the id of the last one that was read, visible or not."""

    events: tuple[FeedEvent, ...]
    last: int


class EventFeed:
    """The feed of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest(self) -> int:
        """Return the id of the newest event; 0 if there is none."""
        with reading(self._engine) as connection:
            return connection.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one()

    def after(self, viewer: Viewer, event_id: int, limit: int) -> EventPage:
        """Return the next events after one."""
        settled = [] if is_sqlite(self._engine) else [events.c.at <= later(-_HELD_BACK_SECONDS)]
        read = select(events).where(events.c.id > event_id, *settled).order_by(events.c.id).limit(SCAN_LIMIT).subquery()
        columns = (read.c.id, read.c.job_id, read.c.at, read.c.name, read.c.attempt, read.c.actor_id, read.c.detail)
        visible = (
            select(*columns, jobs.c.type, jobs.c.title, jobs.c.owner_id, jobs.c.triggered_by)
            .join(jobs, jobs.c.id == read.c.job_id)
            .where(or_(*scopes(viewer)))
            .order_by(read.c.id)
            .limit(limit + 1)
        )
        with reading(self._engine) as connection:
            last = connection.execute(select(func.max(read.c.id))).scalar() or event_id
            rows = connection.execute(visible).mappings().all()
        found = tuple(FeedEvent(**row) for row in rows[:limit])
        return EventPage(events=found, last=found[-1].id if len(rows) > limit else last)
