"""What an open page reads each time it polls, in one statement: hundreds of open pages repeat it every few seconds.

A statement is built once for all users: their ids, the ids of the jobs on a page, and the bounds of a list are
parameters.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Engine,
    FromClause,
    ScalarSelect,
    Select,
    String,
    Uuid,
    all_,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
)

from webapp.db.engine import is_sqlite, reading
from webapp.db.prepared_statement import PreparedStatement
from webapp.jobs.model.job import UNFINISHED, Job, Status
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.notifications import TOP_BAR_STATE, TopBarState
from webapp.jobs.queries.pagination import (
    EVERYTHING,
    HIGHEST,
    LOWEST,
    UNFINISHED_TABS,
    ActiveJobs,
    JobPages,
    ListChangeTag,
    count_up_to,
    select_ids,
    select_tab_counts,
)
from webapp.jobs.queries.visible_jobs import (
    TAB_CEILING,
    Viewer,
    any_user,
    can_see,
    scopes,
    select_newest,
    user_values,
)
from webapp.jobs.store.job_store import JobNotFound, to_job
from webapp.schema import attachments, events, in_lines, jobs, log_lines, now, queues

_CACHED_STATEMENTS = 256
_TOP_BAR_FACTS = ("unread", "latest", "failures", "paused_at")
_SHOWN = bindparam("shown", type_=String())  # the ids of the jobs on a page, as one text
_JOB_ID = bindparam("job_id", type_=Uuid())


@dataclass(frozen=True, slots=True, kw_only=True)
class UserActivity:
    """What changes the top bar of a user: the newest running roots, the unfinished ones, and the notifications.

    ``running`` has an id and a version for each job, ``counts`` a number for each of `UNFINISHED_TABS`.
    """

    running: tuple[str, ...]
    counts: tuple[int, ...]
    unread: TopBarState

    @classmethod
    def of(cls, active: ActiveJobs, unread: TopBarState) -> Self:
        """Return the same as a poll reads, of jobs that were just loaded."""
        running = sorted(f"{job.id.hex}:{job.version}" for job in active.running)
        return cls(running=tuple(running), counts=tuple(active.counts[tab] for tab in UNFINISHED_TABS), unread=unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledList:
    """The state of an open list; ``any_paused``: some queue is paused."""

    tag: ListChangeTag
    activity: UserActivity
    any_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledJob:
    """The state of an open page of a job at a time.

    ``tag`` changes with the job, its events, its files, its children, and the jobs that repeat it.
    """

    job: Job
    at: datetime
    tag: str
    activity: UserActivity


class PolledStates:
    """Reads what open pages show; ``listed`` is the number of running jobs in the top bar."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._pages = JobPages(engine)

    def of_list(
        self,
        viewer: Viewer,
        shown: Collection[str],
        criteria: JobCriteria = EVERYTHING,
        *,
        limit: int = 0,
        listed: int = 0,
    ) -> PolledList:
        """Return the state of a list that shows these jobs, of which ``shown`` has the ids as hex digits.

        Its tag changes when a shown job changes, or when any other job starts or ends. With ``limit``, it has the
        number of jobs that the page does not show yet. Changes of ended jobs that are not shown do not change the
        tag, so a count may be out of date.
        """
        sqlite = is_sqlite(self.engine)
        needs_rows = bool(limit and criteria.row_filters(viewer, sqlite=sqlite))
        statement = _list_statement(
            any_user(viewer), criteria, limit=0 if needs_rows else limit, listed=listed, sqlite=sqlite
        )
        parameters = {
            **user_values(viewer),
            "shown": json.dumps(shown) if sqlite else f"{{{','.join(shown)}}}",
            "oldest": UUID(min(shown)) if len(shown) >= limit > 0 else LOWEST,
            "newest": HIGHEST,
        }
        with reading(self.engine) as connection:
            (row,) = statement.all(connection, parameters)
        ids = [UUID(digits) for digits in shown] if needs_rows else ()
        new = self._pages.count_missing(viewer, criteria, ids, limit) if needs_rows else row["missing"]
        versions, unfinished = (row["shown"], row["versions"]), tuple(row[tab] for tab in UNFINISHED_TABS)
        return PolledList(
            tag=ListChangeTag.of(shown, versions, unfinished, new),
            activity=_activity(row),
            any_paused=bool(row["paused"]),
        )

    def of_job(self, viewer: Viewer, job_id: UUID, *, listed: int = 0) -> PolledJob:
        """Return the state of a job; raise `JobNotFound` if it does not exist or the viewer cannot see it."""
        statement = _job_statement(any_user(viewer), listed=listed)
        with reading(self.engine) as connection:
            row = statement.first(connection, {**user_values(viewer), "job_id": job_id})
        if row is None:
            raise JobNotFound(job_id)
        facts = (row["version"], *(row[fact] or 0 for fact in _JOB_FACTS))
        return PolledJob(job=to_job(row), at=row["read_at"], tag="-".join(map(str, facts)), activity=_activity(row))

    def log_has_changed(self, viewer: Viewer, job_id: UUID, after: int) -> bool:
        """Return whether a job has log lines after line ``after``, or has ended.

        Raise `JobNotFound` if it does not exist or the viewer cannot see it.
        """
        parameters = {**user_values(viewer), "job_id": job_id, "after": after}
        with reading(self.engine) as connection:
            row = _log_statement(any_user(viewer)).first(connection, parameters)
        if row is None:
            raise JobNotFound(job_id)
        return Status(row["status"]) not in UNFINISHED or bool(row["has_lines"])


def _activity(row: Mapping[Any, Any]) -> UserActivity:
    running = (row["active_running"] or "").replace("-", "")
    return UserActivity(
        running=tuple(sorted(running.split())),
        counts=tuple(row[f"active_{tab}_count"] for tab in UNFINISHED_TABS),
        unread=TopBarState(**{name: row[name] for name in _TOP_BAR_FACTS}),
    )


@lru_cache(_CACHED_STATEMENTS)
def _list_statement(
    viewer: Viewer, criteria: JobCriteria, *, limit: int, listed: int, sqlite: bool
) -> PreparedStatement:
    # versions only grow, so any change or deletion of a shown job changes the count or the sum
    totals = select(func.count().label("shown"), func.sum(jobs.c.version).label("versions"))
    shown = totals.where(_is_shown(jobs.c.id, sqlite=sqlite), or_(*scopes(viewer))).subquery("shown_jobs")
    unfinished = select_tab_counts(viewer, UNFINISHED_TABS, with_children=criteria.with_children).subquery("unfinished")
    more = select(
        _count_missing(viewer, criteria, limit, sqlite=sqlite).label("missing"),
        select(func.count()).where(queues.c.paused_at.is_not(None)).scalar_subquery().label("paused"),
    ).subquery("more")
    return PreparedStatement(_select_all(shown, unfinished, more, *_activity_of(viewer, listed)))


def _count_missing(viewer: Viewer, criteria: JobCriteria, limit: int, *, sqlite: bool) -> ScalarSelect[Any]:
    if not limit:
        return select(func.count()).where(~true()).scalar_subquery()
    newest = select_ids(viewer, criteria, limit).subquery("newest_ids")
    return select(func.count()).where(_is_not_shown(newest.c.id, sqlite=sqlite)).scalar_subquery()


_others = jobs.alias("other_jobs")
_JOB_FACTS: Mapping[str, ScalarSelect[Any]] = {
    "files": select(func.count()).where(attachments.c.job_id == _JOB_ID).scalar_subquery(),
    "deleted_files": select(func.count())
    .where(attachments.c.job_id == _JOB_ID, attachments.c.deleted_at.is_not(None))
    .scalar_subquery(),
    "last_event": select(func.max(events.c.id)).where(events.c.job_id == _JOB_ID).scalar_subquery(),
    "repeats": select(func.sum(_others.c.version)).where(_others.c.again_of == _JOB_ID).scalar_subquery(),
    "children": select(func.sum(_others.c.version)).where(_others.c.root_id == _JOB_ID).scalar_subquery(),
}


@lru_cache(_CACHED_STATEMENTS)
def _job_statement(viewer: Viewer, *, listed: int) -> PreparedStatement:
    parts = _activity_of(viewer, listed)
    source: FromClause = jobs
    for part in parts:
        source = source.join(part, true())
    facts = [fact.label(name) for name, fact in _JOB_FACTS.items()]
    columns = [*jobs.c, now().label("read_at"), *facts, *(column for part in parts for column in part.c)]
    return PreparedStatement(select(*columns).select_from(source).where(jobs.c.id == _JOB_ID, can_see(viewer)))


@lru_cache(_CACHED_STATEMENTS)
def _log_statement(viewer: Viewer) -> PreparedStatement:
    lines = select(log_lines.c.id).where(log_lines.c.job_id == _JOB_ID, log_lines.c.id > bindparam("after"))
    found = select(jobs.c.status, lines.exists().label("has_lines"))
    return PreparedStatement(found.where(jobs.c.id == _JOB_ID, can_see(viewer)))


def _activity_of(viewer: Viewer, listed: int) -> tuple[FromClause, ...]:
    roots = {tab: JobCriteria(tab=tab, ownership="mine", with_children=False) for tab in UNFINISHED_TABS}
    scans = {tab: criteria.scans(viewer) for tab, criteria in roots.items()}
    newest = select_newest(scans["running"], listed, jobs.c.id).subquery("newest_running")
    running = jobs.alias("running_jobs")
    versions = cast(running.c.id, String) + ":" + cast(running.c.version, String)
    active = select(
        select(in_lines(versions))
        .select_from(newest.join(running, running.c.id == newest.c.id))
        .scalar_subquery()
        .label("active_running"),
        *(count_up_to(scans[tab], TAB_CEILING).label(f"active_{tab}_count") for tab in scans),
    )
    return active.subquery("active"), TOP_BAR_STATE.subquery("notifications")


def _select_all(first: FromClause, *others: FromClause) -> Select[Any]:
    """Select all columns of sources with one row each."""
    source = first
    for other in others:
        source = source.join(other, true())
    return select(*(column for part in (first, *others) for column in part.c)).select_from(source)


def _is_shown(column: ColumnElement[UUID], *, sqlite: bool) -> ColumnElement[bool]:
    return column.in_(_each_shown()) if sqlite else column == any_(cast(_SHOWN, ARRAY(Uuid)))


def _is_not_shown(column: ColumnElement[UUID], *, sqlite: bool) -> ColumnElement[bool]:
    return column.not_in(_each_shown()) if sqlite else column != all_(cast(_SHOWN, ARRAY(Uuid)))


def _each_shown() -> Select[Any]:
    return select(func.json_each(_SHOWN).table_valued("value").c.value)
