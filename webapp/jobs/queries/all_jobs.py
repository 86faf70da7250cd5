"""Reads over every user's jobs, for commands and operators. Pages use `VisibleJobs`, which checks permissions."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine, String, cast, literal, select, true

from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.pagination import count_up_to
from webapp.jobs.queries.visible_jobs import (
    HAS_WARNINGS,
    TAB_CEILING,
    list_conditions,
    roots_and_children,
    select_newest,
)
from webapp.jobs.store.job_store import JobNotFound, to_job
from webapp.schema import has_tag, jobs, later

SHORT_ID_SCAN_LIMIT = 100_000


class AmbiguousId(Exception):
    """Raised when several jobs match a short id."""

    def __init__(self, short_id: str, ids: list[UUID]) -> None:
        """Name the jobs that match."""
        super().__init__(f"Several jobs end in {short_id}: {', '.join(map(str, ids))}. Use the full id.")


class AllJobs:
    """Reads every user's jobs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def newest(
        self,
        limit: int,
        *,
        statuses: tuple[Status, ...] = (),
        type_name: str = "",
        owner_id: UUID | None = None,
        warned: bool = False,
        tag: str = "",
    ) -> tuple[Job, ...]:
        """Return the newest jobs of all users, or of one owner; no status means any."""
        conditions = list_conditions(statuses, type_name)
        if warned:
            conditions.append(HAS_WARNINGS)
        if tag:
            conditions += [jobs.c.tags.is_not(None), has_tag(jobs.c.tags, literal(tag))]
        owned = [true()] if owner_id is None else roots_and_children(jobs.c.owner_id == owner_id)
        statement = select_newest([[each, *conditions] for each in owned], limit)
        with reading(self.engine) as connection:
            return tuple(to_job(row) for row in connection.execute(statement).mappings())

    def get_by_short_id(self, short_id: str) -> Job:
        """Return the job whose id ends in these hex digits; raise `JobNotFound` or `AmbiguousId`.

        No index covers the end of an id: the newest `SHORT_ID_SCAN_LIMIT` ids are scanned, which takes
        about a tenth of a second. Older jobs can only be found by their full id.
        """
        newest = select(jobs.c.id).order_by(jobs.c.id.desc()).limit(SHORT_ID_SCAN_LIMIT).subquery()
        matches = cast(newest.c.id, String).like(f"%{short_id.lower()}")
        with reading(self.engine) as connection:
            ids = list(connection.execute(select(newest.c.id).where(matches).limit(5)).scalars())
            if not ids:
                raise JobNotFound(short_id)
            if len(ids) > 1:
                raise AmbiguousId(short_id, ids)
            row = connection.execute(select(jobs).where(jobs.c.id == ids[0])).mappings().first()
        if row is None:  # deleted in the meantime
            raise JobNotFound(short_id)
        return to_job(row)

    def failed_ids(
        self, *, within: timedelta | None = None, after: UUID | None = None, limit: int = 200
    ) -> tuple[UUID, ...]:
        """Return failed and lost jobs, oldest first: those that ended ``within`` a period, after the job ``after``.

        Children are left out: they are retried with their root.
        """
        conditions = list_conditions((Status.FAILED, Status.STALE))
        conditions.append(jobs.c.root_id.is_(None))
        if within is not None:
            conditions.append(jobs.c.finished_at >= later(-within.total_seconds()))
        if after is not None:
            conditions.append(jobs.c.id > after)
        statement = select(jobs.c.id).where(*conditions).order_by(jobs.c.id).limit(limit)
        with reading(self.engine) as connection:
            return tuple(connection.execute(statement).scalars())


def count_by_owner(engine: Engine, ids: Sequence[UUID], ceiling: int = TAB_CEILING) -> Mapping[UUID, int]:
    """Count the jobs of each owner in one statement; each count stops at the ceiling, as in lists."""
    if not ids:
        return {}
    scans = ([[each] for each in roots_and_children(jobs.c.owner_id == owner_id)] for owner_id in ids)
    each = [count_up_to(owned, ceiling) for owned in scans]
    with reading(engine) as connection:
        return dict(zip(ids, connection.execute(select(*each)).one(), strict=True))
