"""Foresight: what housekeeping will remove within a day, told before it does."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Engine, func, or_, select

from webapp.database import reading
from webapp.jobs.files import FileStore
from webapp.jobs.housekeeping import Housekeeping
from webapp.jobs.job_type import JobType
from webapp.jobs.retention import FOREVER, Retention
from webapp.schema import attachments, jobs, later

AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What goes: jobs with their parts, files with theirs and on their own, and the bytes of those files."""

    jobs: int
    files: int
    bytes: int


def removal(engine: Engine, files: FileStore, retention: timedelta, kinds: Iterable[JobType]) -> Removal:
    """Return what will be removed within `AHEAD`, if nothing else happens."""
    sooner = [replace(kind, keep=_sooner(kind.keep)) for kind in kinds]
    house = Housekeeping(engine, files, max(timedelta(0), retention - AHEAD), sooner)
    doomed = select(jobs.c.id).where(or_(*house.rules()))
    going = (
        attachments.c.deleted_at.is_(None),
        or_(attachments.c.expires_at <= later(AHEAD.total_seconds()), attachments.c.job_id.in_(doomed)),
    )
    counted = select(func.count(), func.coalesce(func.sum(attachments.c.size), 0)).where(*going)
    with reading(engine) as connection:
        count, size = connection.execute(counted).one()
    return Removal(jobs=house.prune(only_count=True), files=count, bytes=int(size))


def _sooner(keep: Retention) -> Retention:
    return Retention(**{status.value: _less(period) for status, period in keep.by_status().items()})


def _less(period: timedelta) -> timedelta:
    return FOREVER if period == FOREVER else max(timedelta(0), period - AHEAD)
