"""Which jobs a viewer can see, their timelines and attempts, and the index scans that lists are made of.

A user's own jobs, public jobs and those that are shared with a group are index scans joined by UNION: one ``OR`` would
scan the whole table for a user who has few jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    false,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from webapp.db.engine import reading
from webapp.jobs.model.job import UNFINISHED, Job, Status
from webapp.jobs.store.job_store import JobNotFound, to_job
from webapp.schema import attempts, database_time, events, jobs, later, leases

PAGE = 50
_RECENT = 1000
_NEWEST_BY_ID = 10
COUNT_CEILING = 1000
TAB_CEILING = 300  # for each of the seven counts that every list page makes
TABS: Mapping[str, tuple[Status, ...]] = {
    "all": (),
    "running": (Status.RUNNING, Status.WAITING),
    "waiting": (Status.QUEUED, Status.HELD),
    "scheduled": (Status.SCHEDULED,),
    "failed": (Status.FAILED, Status.STALE),
    "done": (Status.COMPLETED,),
    "stopped": (Status.CANCELLED,),
}
# spelled as in the index: SQLite uses a partial index for `public`, not for `public = 1` as the column is rendered
PUBLIC: ColumnElement[bool] = literal_column("jobs.public")
# spelled as in the index of unfinished jobs
ALL_UNFINISHED: ColumnElement[bool] = literal_column(
    "jobs.status IN ('held', 'scheduled', 'queued', 'running', 'waiting')"
)
# spelled as in the indexes of roots and of children
ROOTS: ColumnElement[bool] = jobs.c.root_id.is_(None)
CHILDREN: ColumnElement[bool] = jobs.c.root_id.is_not(None)
HAS_WARNINGS: ColumnElement[bool] = literal_column("jobs.warnings <> '[]'")

_ANY_USER = cast(UUID, bindparam("user_id", type_=Uuid()))
_CACHED_STATEMENTS = 64
_GROUP_SCANS = 8  # of more groups, all shared jobs are read: a scan for each would cost every poll more

# one scan per status, so that each is read in the order of its index
_UNFINISHED_SCANS = [[jobs.c.status == literal_column(f"'{status}'")] for status in sorted(UNFINISHED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """The user who reads: sees their own jobs, public ones and those shared with their ``groups``; some roles see all.

    Who ``approves`` jobs of some types can open those that need approval, but finds them in a list of their own.
    What jobs of ``unshared_types`` read and wrote is not shared.
    """

    user_id: UUID
    sees_all: bool = False
    tenant: str | None = None
    approves: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    unshared_types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's timeline."""

    at: datetime
    name: str
    attempt: int
    actor_id: UUID | None
    detail: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One ended attempt of a job."""

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
    longest_silence: float | None  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLocation:
    """Where a running attempt runs; ``pid`` is the process of its worker."""

    worker: str
    host: str
    pid: int


class VisibleJobs:
    """Reads jobs. Only methods that take a viewer check what the viewer can see."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def get_visible(self, viewer: Viewer, job_id: UUID) -> Job:
        """Return the job; raise `JobNotFound` if it does not exist or the viewer cannot see it."""
        with reading(self.engine) as connection:
            values = {**user_values(viewer), "job_id": job_id}
            row = connection.execute(_select_visible(any_user(viewer)), values).mappings().first()
        if row is None:
            raise JobNotFound(job_id)
        return to_job(row)

    def find_mine_active(self, viewer: Viewer, limit: int = PAGE, *, with_public: bool = True) -> tuple[Job, ...]:
        """Return the viewer's unfinished roots, newest first, with public ones unless ``with_public`` is false."""
        return self._mine(viewer, _UNFINISHED_SCANS, limit, with_public=with_public)

    def find_mine_recent(
        self, viewer: Viewer, window: timedelta, limit: int = PAGE, *, with_public: bool = True
    ) -> tuple[Job, ...]:
        """Return the same jobs, and those that ended within ``window``, newest first."""
        recent = or_(jobs.c.finished_at.is_(None), jobs.c.finished_at >= later(-window.total_seconds()))
        return self._mine(viewer, [[recent]], limit, with_public=with_public)

    def owns_any(self, viewer: Viewer) -> bool:
        """Return whether the viewer owns a job, in any state; a child has the owner of its root."""
        owned = select(jobs.c.id).where(jobs.c.owner_id == viewer.user_id, ROOTS)
        with reading(self.engine) as connection:
            return bool(connection.execute(select(owned.exists())).scalar_one())

    def last_of_type(self, user_id: UUID, type_name: str) -> Job | None:
        """Return the latest job of a type among the newest `_RECENT` roots of a user."""
        newest = select(jobs.c.id, jobs.c.type).where(jobs.c.owner_id == user_id, ROOTS)
        recent = newest.order_by(jobs.c.id.desc()).limit(_RECENT).subquery()
        latest = select(recent.c.id).where(recent.c.type == type_name).order_by(recent.c.id.desc()).limit(1)
        with reading(self.engine) as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == latest.scalar_subquery())).mappings().first()
        return to_job(row) if row else None

    def timeline(self, job_id: UUID) -> tuple[Event, ...]:
        """Return a job's events, oldest first."""
        columns = (
            events.c.at,
            events.c.name,
            events.c.attempt,
            events.c.actor_id,
            events.c.detail,
            events.c.request_id,
        )
        return self._rows(Event, select(*columns).where(events.c.job_id == job_id).order_by(events.c.id))

    def attempts(self, job_id: UUID) -> tuple[Attempt, ...]:
        """Return a job's ended attempts, oldest first."""
        columns = [column for column in attempts.c if column.name != "job_id"]
        return self._rows(Attempt, select(*columns).where(attempts.c.job_id == job_id).order_by(attempts.c.number))

    def run_location(self, job: Job) -> RunLocation | None:
        """Return where the job runs now; ``None`` if it does not, or its lease has just ended."""
        if job.lease_id is None:
            return None
        columns = (leases.c.worker, leases.c.host, leases.c.worker_pid.label("pid"))
        found = self._rows(RunLocation, select(*columns).where(leases.c.id == job.lease_id))
        return next(iter(found), None)

    def last_created_at(self, type_name: str) -> datetime | None:
        """Return when the latest job of a type was created, ``None`` if there is none.

        Ids have the times of the processes that made them, so one whose clock was ahead has made the highest.
        """
        created = select(jobs.c.created_at).where(jobs.c.type == type_name).order_by(jobs.c.id.desc())
        with reading(self.engine) as connection:
            return max(connection.execute(created.limit(_NEWEST_BY_ID)).scalars(), default=None)

    def now(self) -> datetime:
        """Return the database's time, which all times of jobs are taken from."""
        with reading(self.engine) as connection:
            return database_time(connection)

    def _mine(
        self, viewer: Viewer, scans: Sequence[Sequence[ColumnElement[bool]]], limit: int, *, with_public: bool
    ) -> tuple[Job, ...]:
        owners = [jobs.c.owner_id == viewer.user_id, *([PUBLIC] if with_public else [])]
        each = [[owner, same_tenant(viewer), ROOTS, *scan] for owner in owners for scan in scans]
        with reading(self.engine) as connection:
            return tuple(to_job(row) for row in connection.execute(select_newest(each, limit)).mappings())

    def _rows(self, row_class: type[Any], statement: Any) -> tuple[Any, ...]:
        with reading(self.engine) as connection:
            return tuple(row_class(**row) for row in connection.execute(statement).mappings())


def any_user(viewer: Viewer) -> Viewer:
    """Return the viewer with parameters instead of the user and the groups, for a statement that is built once for all.

    Building a statement takes longer than running it, and hundreds of users poll. See `user_values`.
    """
    groups = tuple(_any_group(number) for number in range(len(viewer.groups)))
    return replace(viewer, user_id=_ANY_USER, groups=groups)


def user_values(viewer: Viewer) -> dict[str, Any]:
    """Return the values of the parameters of `any_user`."""
    return {"user_id": viewer.user_id, **{f"group_{number}": name for number, name in enumerate(viewer.groups)}}


@cache
def _any_group(number: int) -> str:
    """Return the same parameter each time: it is part of the key of the cached statements."""
    return cast(str, bindparam(f"group_{number}", type_=String()))


@lru_cache(_CACHED_STATEMENTS)
def _select_visible(viewer: Viewer) -> Select[Any]:
    return select(jobs).where(jobs.c.id == bindparam("job_id", type_=Uuid()), can_see(viewer))


def same_tenant(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a job belongs to the viewer's tenant.

    A user of a tenant sees only that tenant's jobs. A user without a tenant sees jobs without one, or, in a role
    that sees all, the jobs of every tenant: that role runs the installation.
    """
    if viewer.tenant is not None:
        return jobs.c.tenant == viewer.tenant
    return true() if viewer.sees_all else jobs.c.tenant.is_(None)


def roots_and_children(owned: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    """Return two scans of an owner's jobs: roots and children have indexes of their own."""
    return [owned & ROOTS, owned & CHILDREN]


def scopes(viewer: Viewer) -> list[ColumnElement[bool]]:
    """Return the conditions of the jobs that the viewer can see; no job matches two of them."""
    tenant = same_tenant(viewer)
    if viewer.sees_all:
        return [tenant]
    found: list[ColumnElement[bool]] = [(jobs.c.owner_id == viewer.user_id) & tenant, PUBLIC & tenant]
    if viewer.groups:
        found.append(jobs.c.shared_with.in_(viewer.groups) & _of_others(viewer) & tenant)
    return found


def shared_scans(viewer: Viewer) -> list[ColumnElement[bool]]:
    """Return scans of the jobs that others share with the viewer's groups: neither their own nor public."""
    return [each & _of_others(viewer) for each in scans_of_groups(viewer)] if viewer.groups else []


def scans_of_groups(viewer: Viewer) -> list[ColumnElement[bool]]:
    """Return scans of the jobs that are shared with the viewer's groups; no job matches two of them.

    A scan per group reads the newest jobs first; of many groups, the ids of all shared jobs are looked up.
    """
    if not viewer.groups:
        return [false()]
    if len(viewer.groups) <= _GROUP_SCANS:
        return [jobs.c.shared_with == group for group in viewer.groups]
    shared = jobs.alias("shared_jobs")
    return [jobs.c.id.in_(select(shared.c.id).where(shared.c.shared_with.in_(viewer.groups)))]


def _of_others(viewer: Viewer) -> ColumnElement[bool]:
    return jobs.c.owner_id.is_distinct_from(viewer.user_id) & ~PUBLIC


def can_see(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that the viewer can see a job, for jobs that are read by id."""
    return or_(*scopes(viewer), *([is_approver(viewer)] if viewer.approves else []))


def is_approver(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition that a job needs or needed an approval that the viewer can give."""
    of_type = jobs.c.type.in_(sorted(viewer.approves))
    return and_(jobs.c.approval.is_not(None), of_type, same_tenant(viewer))


def list_conditions(statuses: tuple[Status, ...], type_name: str = "") -> list[ColumnElement[bool]]:
    """Return the conditions that a job has one of the statuses and a type; empty values mean any."""
    found: list[ColumnElement[bool]] = []
    if statuses:
        # literals in the SQL: SQLite uses a partial index for constants only
        names: Any = bindparam(None, [status.value for status in statuses], expanding=True, literal_execute=True)
        found.append(jobs.c.status.in_(names))
    if type_name:
        found.append(jobs.c.type == type_name)
    return found


def select_newest_visible(
    viewer: Viewer, conditions: list[ColumnElement[bool]], limit: int, *columns: Any
) -> Select[Any]:
    """Select the newest jobs that the viewer can see; ``columns`` (all by default) must include the id.

    Each scope is limited first, then they are joined and limited again.
    """
    return select_newest([[scope, *conditions] for scope in _indexed_scopes(viewer)], limit, *columns)


def select_newest(scans: Sequence[Sequence[ColumnElement[bool]]], limit: int, *columns: Any) -> Select[Any]:
    """Select the newest jobs of several scans, given by their conditions; no job can match two of them."""
    selected = columns or tuple(jobs.c)
    if len(scans) == 1:
        return select(*selected).where(*scans[0]).order_by(jobs.c.id.desc()).limit(limit)
    each = (select(jobs.c.id).where(*scan).order_by(jobs.c.id.desc()).limit(limit).subquery() for scan in scans)
    joined = union_all(*(select(scan.c.id) for scan in each)).subquery()
    newest = select(joined.c.id).order_by(joined.c.id.desc()).limit(limit)
    if len(selected) == 1:
        return newest
    return select(*selected).where(jobs.c.id.in_(newest)).order_by(jobs.c.id.desc())


def select_visible(viewer: Viewer, conditions: list[ColumnElement[bool]], *columns: Any) -> Any:
    """Select all jobs that the viewer can see, in no order."""
    return union_all(*(select(*columns).where(scope, *conditions) for scope in _indexed_scopes(viewer)))


def _indexed_scopes(viewer: Viewer) -> list[ColumnElement[bool]]:
    if viewer.sees_all:
        return scopes(viewer)
    own, public, *_ = scopes(viewer)
    return [*roots_and_children(own), public, *(each & same_tenant(viewer) for each in shared_scans(viewer))]
