"""The events of all jobs that a viewer can see, in the order in which they happened, for programs that follow them.

A page of the feed reads at most `SCAN_LIMIT` events, visible or not, so each costs the same. It ends at the event
horizon, so a reader who continues after the last id that it received gets every event exactly once.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, func, or_, select

from webapp.db.engine import reading
from webapp.jobs.queries.event_horizon import EventHorizon
from webapp.jobs.queries.visible_jobs import Viewer, scopes
from webapp.schema import events, jobs

SCAN_LIMIT = 2000
_OF_JOB = (jobs.c.owner_id, jobs.c.triggered_by, jobs.c.tenant, jobs.c.shared_with)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """An event with the job that it happened to."""

    id: int
    job_id: UUID
    type: str
    title: str
    owner_id: UUID | None
    triggered_by: UUID | None
    tenant: str | None
    shared_with: str | None
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
        self._horizon = EventHorizon(engine)

    def latest(self) -> int:
        """Return the id after which to continue for all events from now on; 0 if there is none."""
        return self._horizon.settled_id()

    def after(self, viewer: Viewer, event_id: int, limit: int) -> EventPage:
        """Return the next events after one."""
        settled = self._horizon.settled_id()
        if settled <= event_id:
            return EventPage(events=(), last=event_id)
        news = select(events).where(events.c.id > event_id, events.c.id <= settled)
        read = news.order_by(events.c.id).limit(SCAN_LIMIT).subquery()
        columns = (read.c.id, read.c.job_id, read.c.at, read.c.name, read.c.attempt, read.c.actor_id, read.c.detail)
        visible = (
            select(*columns, jobs.c.type, jobs.c.title, *_OF_JOB)
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
