"""What pages read of jobs: who sees which, timelines, logs; and the walks that lists are made of (listing.py).

Own jobs and public ones are two index walks joined by UNION: as one ``OR`` they are a scan
of the whole table for a user who has few.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    bindparam,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from webapp.db.engine import reading
from webapp.jobs.model.job import UNFINISHED, Job, Status
from webapp.jobs.store.job_store import JobNotFound, to_job
from webapp.schema import attempts, events, jobs, later, now

PAGE = 50
COUNT_CEILING = 1000
TAB_CEILING = 300  # of each count over a list: every page makes seven
TABS: Mapping[str, tuple[Status, ...]] = {
    "all": (),
    "running": (Status.RUNNING, Status.WAITING),
    "waiting": (Status.QUEUED, Status.HELD),
    "scheduled": (Status.SCHEDULED,),
    "failed": (Status.FAILED, Status.STALE),
    "done": (Status.COMPLETED,),
    "stopped": (Status.CANCELLED,),
}
# as in the index: SQLite uses a partial one for `public`, not for the `public = 1` that the column would become
PUBLIC: ColumnElement[bool] = literal_column("jobs.public")
# as in the index of what has not ended
ALL_UNFINISHED: ColumnElement[bool] = literal_column(
    "jobs.status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"
)
HAS_WARNINGS: ColumnElement[bool] = literal_column("jobs.warnings <> '[]'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks: a user sees the own jobs and the public ones; some roles see all."""

    user_id: UUID
    sees_all: bool = False
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's timeline."""

    at: datetime
    name: str
    attempt: int
    actor_id: UUID | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a job that has ended."""

    number: int
    outcome: str
    worker: str
    host: str
    pid: int
    started_at: datetime
    finished_at: datetime
    error: str | None
    traceback: str | None
    peak_memory: int | None
    cpu_seconds: float | None


class VisibleJobs:
    """Reads over the jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def visible(self, viewer: Viewer, job_id: UUID) -> Job:
        """Return the job if the viewer may see it; else raise `JobNotFound`, as for no job."""
        with reading(self.engine) as connection:
            statement = select(jobs).where(jobs.c.id == job_id, or_(*scopes(viewer)))
            row = connection.execute(statement).mappings().first()
        if row is None:
            raise JobNotFound(job_id)
        return to_job(row)

    def find_mine_active(self, viewer: Viewer, limit: int = PAGE) -> tuple[Job, ...]:
        """Return the viewer's own jobs that have not ended, newest first."""
        return self._mine(viewer, list_conditions(tuple(UNFINISHED)), limit)

    def find_mine_recent(self, viewer: Viewer, window: timedelta, limit: int = PAGE) -> tuple[Job, ...]:
        """Return the viewer's own jobs that have not ended, or not longer ago than ``window``, newest first."""
        recent = or_(jobs.c.finished_at.is_(None), jobs.c.finished_at >= later(-window.total_seconds()))
        return self._mine(viewer, [recent], limit)

    def timeline(self, job_id: UUID) -> tuple[Event, ...]:
        """Return what happened to a job, oldest first."""
        columns = (events.c.at, events.c.name, events.c.attempt, events.c.actor_id, events.c.detail)
        return self._rows(Event, select(*columns).where(events.c.job_id == job_id).order_by(events.c.id))

    def attempts(self, job_id: UUID) -> tuple[Attempt, ...]:
        """Return a job's ended attempts, oldest first."""
        columns = [column for column in attempts.c if column.name != "job_id"]
        return self._rows(Attempt, select(*columns).where(attempts.c.job_id == job_id).order_by(attempts.c.number))

    def last_created_at(self, type_name: str) -> datetime | None:
        """Return when the type's latest job was created, if there is one."""
        latest = select(jobs.c.created_at).where(jobs.c.type == type_name).order_by(jobs.c.id.desc()).limit(1)
        with reading(self.engine) as connection:
            return connection.execute(latest).scalar()

    def now(self) -> datetime:
        """Return the database's time, the one that all moments of jobs are measured by."""
        with reading(self.engine) as connection:
            return connection.execute(select(now())).scalar_one()

    def _mine(self, viewer: Viewer, which: list[ColumnElement[bool]], limit: int) -> tuple[Job, ...]:
        own = (jobs.c.owner_id == viewer.user_id, same_tenant(viewer))
        statement = select(jobs).where(*own, *which).order_by(jobs.c.id.desc()).limit(limit)
        with reading(self.engine) as connection:
            return tuple(to_job(row) for row in connection.execute(statement).mappings())

    def _rows(self, kind: type[Any], statement: Any) -> tuple[Any, ...]:
        with reading(self.engine) as connection:
            return tuple(kind(**row) for row in connection.execute(statement).mappings())


def same_tenant(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a job is of the viewer's tenant.

    A tenant sees nothing of another, nor of the house itself; who has no tenant sees what has
    none, and all tenants' jobs only in a role that sees all: that is who runs the installation.
    """
    if viewer.tenant is not None:
        return jobs.c.tenant == viewer.tenant
    return true() if viewer.sees_all else jobs.c.tenant.is_(None)


def scopes(viewer: Viewer) -> list[ColumnElement[bool]]:
    """Return the conditions of what the viewer may see; no job meets two of them."""
    house = same_tenant(viewer)
    if viewer.sees_all:
        return [house]
    return [(jobs.c.owner_id == viewer.user_id) & house, PUBLIC & house]


def list_conditions(statuses: tuple[Status, ...], type_name: str = "") -> list[ColumnElement[bool]]:
    """Return what narrows a list to some statuses and a type; nothing given narrows nothing."""
    found: list[ColumnElement[bool]] = []
    if statuses:
        # spelled out in the SQL: SQLite uses a partial index for constants only
        names: Any = bindparam(None, [status.value for status in statuses], expanding=True, literal_execute=True)
        found.append(jobs.c.status.in_(names))
    if type_name:
        found.append(jobs.c.type == type_name)
    return found


def select_newest_visible(
    viewer: Viewer, conditions: list[ColumnElement[bool]], limit: int, *columns: Any
) -> Select[Any]:
    """Select the viewer's jobs, newest first: each scope's newest, limited on its own, then joined and limited again.

    ``columns`` (all by default) must have the id.
    """
    return select_newest([[scope, *conditions] for scope in scopes(viewer)], limit, *columns)


def select_newest(walks: Sequence[Sequence[ColumnElement[bool]]], limit: int, *columns: Any) -> Select[Any]:
    """Select the newest of several walks, each given as its conditions, of which no job meets two."""
    wanted = columns or tuple(jobs.c)
    if len(walks) == 1:
        return select(*wanted).where(*walks[0]).order_by(jobs.c.id.desc()).limit(limit)
    each = (select(jobs.c.id).where(*walk).order_by(jobs.c.id.desc()).limit(limit).subquery() for walk in walks)
    joined = union_all(*(select(walk.c.id) for walk in each)).subquery()
    newest = select(joined.c.id).order_by(joined.c.id.desc()).limit(limit)
    if len(wanted) == 1:
        return newest
    return select(*wanted).where(jobs.c.id.in_(newest)).order_by(jobs.c.id.desc())


def select_visible(viewer: Viewer, conditions: list[ColumnElement[bool]], *columns: Any) -> Any:
    """Select all of the viewer's jobs, in no order; no job is in two scopes."""
    return union_all(*(select(*columns).where(scope, *conditions) for scope in scopes(viewer)))
