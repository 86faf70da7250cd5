"""Lookup: everybody's jobs, for those who run the place. Pages ask `Queries`, which minds who looks.

Owners: how many jobs are whose.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Engine, String, cast, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Job, Status
from webapp.jobs.queries.pagination import count_up_to
from webapp.jobs.queries.visible_jobs import HAS_WARNINGS, TAB_CEILING, list_conditions
from webapp.jobs.store.job_store import JobNotFound, to_job
from webapp.schema import jobs, later

SHORT_ID_SCAN_LIMIT = 100_000


class AmbiguousId(Exception):
    """A short id stands for one job."""

    def __init__(self, short_id: str, ids: list[UUID]) -> None:
        """Name the jobs that it could be."""
        super().__init__(f"Several jobs end in {short_id}: {', '.join(map(str, ids))}. Give the whole id of one.")


class AllJobs:
    """Reads over all jobs of one database."""

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
    ) -> tuple[Job, ...]:
        """Return the newest jobs of everybody, or of one owner; no status means any, ``warned`` those with warnings."""
        wanted = list_conditions(statuses, type_name)
        if owner_id is not None:
            wanted.append(jobs.c.owner_id == owner_id)
        if warned:
            wanted.append(HAS_WARNINGS)
        statement = select(jobs).where(*wanted).order_by(jobs.c.id.desc()).limit(limit)
        with reading(self.engine) as connection:
            return tuple(to_job(row) for row in connection.execute(statement).mappings())

    def with_short_id(self, short_id: str) -> Job:
        """Return the job whose id ends in these hex digits; else raise `JobNotFound` or `AmbiguousId`.

        No index knows the end of an id: the newest `SHORT_ID_SCAN_LIMIT` ids are walked, in about a
        tenth of a second. Older jobs are found by their whole id only.
        """
        newest = select(jobs.c.id).order_by(jobs.c.id.desc()).limit(SHORT_ID_SCAN_LIMIT).subquery()
        ends_so = cast(newest.c.id, String).like(f"%{short_id.lower()}")
        with reading(self.engine) as connection:
            found = list(connection.execute(select(newest.c.id).where(ends_so).limit(5)).scalars())
            if not found:
                raise JobNotFound(short_id)
            if len(found) > 1:
                raise AmbiguousId(short_id, found)
            row = connection.execute(select(jobs).where(jobs.c.id == found[0])).mappings().first()
        if row is None:  # deleted in between
            raise JobNotFound(short_id)
        return to_job(row)

    def failed(
        self, *, within: timedelta | None = None, after: UUID | None = None, limit: int = 200
    ) -> tuple[UUID, ...]:
        """Return jobs that failed or were lost, ended ``within`` the last while, oldest first, after the one named.

        Children are not among them: they are tried again with their root.
        """
        wanted = list_conditions((Status.FAILED, Status.STALE))
        wanted.append(jobs.c.root_id.is_(None))
        if within is not None:
            wanted.append(jobs.c.finished_at >= later(-within.total_seconds()))
        if after is not None:
            wanted.append(jobs.c.id > after)
        statement = select(jobs.c.id).where(*wanted).order_by(jobs.c.id).limit(limit)
        with reading(self.engine) as connection:
            return tuple(connection.execute(statement).scalars())


def count_by_owner(engine: Engine, ids: Sequence[UUID], ceiling: int = TAB_CEILING) -> Mapping[UUID, int]:
    """Count the jobs of each of these owners, in one statement; each count stops at the ceiling, as a list's does."""
    if not ids:
        return {}
    each = [count_up_to([[jobs.c.owner_id == one]], ceiling) for one in ids]
    with reading(engine) as connection:
        return dict(zip(ids, connection.execute(select(*each)).one(), strict=True))
