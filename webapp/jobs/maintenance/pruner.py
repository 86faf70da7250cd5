"""Housekeeping, done every hour by the `maintenance` job: old jobs, expired files, orphans, runs of schedules, figures.

Everything goes in small batches, each a transaction of its own: no writer waits long, no statement
runs into its time limit, and whatever is cut short goes on the next time. The row goes first, then
its file; a crash in between leaves an orphan, which the sweep removes.

Foresight: what housekeeping will remove within a day, told before it does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from time import time
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select, update

from webapp.db.engine import reading, writing
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.lifecycle.delete import BATCH, Removing, ended_before
from webapp.jobs.metrics.expiry import prune_metrics
from webapp.jobs.model.job import TERMINAL, Job, Status
from webapp.jobs.model.policies import FOREVER, Retention
from webapp.jobs.schedules.run_history import RunHistory
from webapp.jobs.store.file_store import FileStore
from webapp.schema import attachments, jobs, later, now

ORPHAN_AGE = timedelta(days=1)


class MissingFile(NamedTuple):
    """A file that a row names and the disk has not."""

    id: UUID
    job_id: UUID
    name: str


class Pruner:
    """Removes what is past its day, from the database and from the disk.

    ``retention`` is for jobs whose type says nothing else, ``figures`` for what was added up of them.
    Each verb returns how many it removed; with ``only_count``, how many it would.
    """

    def __init__(
        self,
        engine: Engine,
        files: FileStore,
        retention: timedelta,
        job_types: Iterable[JobType] = (),
        *,
        keep_metrics: timedelta = FOREVER,
    ) -> None:
        self._engine = engine
        self._files = files
        self._removing = Removing(engine, files)
        self._run_history = RunHistory(engine)
        self._kinds = job_types
        self.retention = retention
        self._keep_metrics = keep_metrics

    def prune(self, older_than: timedelta | None = None, *, only_count: bool = False) -> int:
        """Delete jobs that have ended, with their parts and all their files, each after its type's retention.

        With ``older_than``, all that ended longer ago than that, whatever their types say.
        """
        if older_than is not None:
            return self._removing.prune(older_than, only_count=only_count)
        return sum(self._removing.remove_all(rule, only_count=only_count) for rule in self.expiry_conditions())

    def deletion_time(self, job: Job) -> datetime | None:
        """Return when a job that has ended is past its day; `None` if never, and for parts: they go with their root."""
        return None if job.kept_at else self.deletion_time_unless_pinned(job)

    def deletion_time_unless_pinned(self, job: Job) -> datetime | None:
        """Return the same for a job that is kept: when it would go if it were not."""
        job_type = next((job_type for job_type in self._kinds if job_type.name == job.type), None)
        own = job_type.keep.by_status().get(job.status) if job_type else None
        period = self.retention if own is None else own
        if job.finished_at is None or job.root_id or period == FOREVER:
            return None
        return job.finished_at + period

    def expire_files(self, *, only_count: bool = False) -> int:
        """Remove files that are past their day; their rows stay, and say since when they are gone."""
        if only_count:
            return self._count(_expired())
        count = 0
        while expired := self._expire_some():
            count += expired
        return count

    def prune_schedule_runs(self, *, only_count: bool = False) -> int:
        """Forget what became of schedules' times longer ago than the retention; each keeps its last ones."""
        return self._run_history.prune(self.retention, only_count=only_count)

    def prune_metrics(self, *, only_count: bool = False) -> int:
        """Forget figures of longer ago than is set for them."""
        return prune_metrics(self._engine, self._keep_metrics, only_count=only_count)

    def sweep_orphans(self, *, older_than: timedelta = ORPHAN_AGE, only_count: bool = False) -> int:
        """Remove files on disk that no row needs and nobody has written to for ``older_than``."""
        count = 0
        for batch in self._old_files(older_than):
            for file_id in batch.keys() - self._needed(batch):
                count += 1
                if not only_count:
                    batch[file_id].unlink(missing_ok=True)
        return count

    def missing_files(self) -> Iterator[MissingFile]:
        """Go through the files that have a row and are not on the disk: somebody else removed them, or the disk did."""
        last = UUID(int=0)
        while rows := self._some_there(attachments.c.id > last):
            last = rows[-1].id
            missing = [row.id for row in rows if not self._files.has(row.id)]
            # asked again, as one whose day came just now goes from the disk after its row
            yield from (self._some_there(attachments.c.id.in_(missing)) if missing else ())

    def _some_there(self, which: ColumnElement[bool]) -> list[MissingFile]:
        there = (
            select(attachments.c.id, attachments.c.job_id, attachments.c.name)
            .where(attachments.c.deleted_at.is_(None), which)
            .order_by(attachments.c.id)
            .limit(BATCH)
        )
        with reading(self._engine) as connection:
            return [MissingFile(*row) for row in connection.execute(there)]

    def _expire_some(self) -> int:
        some = attachments.c.id.in_(_expired().limit(BATCH))
        gone = update(attachments).where(some).values(deleted_at=now()).returning(attachments.c.id)
        with writing(self._engine) as connection:
            files = connection.execute(gone).scalars().all()
        self._remove(files)
        return len(files)

    def _old_files(self, older_than: timedelta) -> Iterator[dict[UUID, Path]]:
        found = self._files.files(older_than, time())
        while batch := dict(islice(found, BATCH)):
            yield batch

    def _needed(self, files: dict[UUID, Path]) -> set[UUID]:
        rows = select(attachments.c.id).where(attachments.c.id.in_(files), attachments.c.deleted_at.is_(None))
        with reading(self._engine) as connection:
            return set(connection.execute(rows).scalars())

    def _remove(self, files: Iterable[UUID]) -> None:
        for file_id in files:
            self._files.remove(file_id)

    def _count(self, rows: Select[UUID]) -> int:
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one()

    def expiry_conditions(self) -> Iterator[ColumnElement[bool]]:
        """Go through the conditions of being past one's day; no job meets two of them."""
        for status in sorted(TERMINAL):
            own = self._periods_by_type(status)
            others = jobs.c.type.not_in([name for names in own.values() for name in names])
            yield and_(jobs.c.status == status.value, others, ended_before(self.retention))
            for period, names in own.items():
                if period != FOREVER:
                    yield and_(jobs.c.status == status.value, jobs.c.type.in_(names), ended_before(period))

    def _periods_by_type(self, status: Status) -> dict[timedelta, list[str]]:
        found: dict[timedelta, list[str]] = defaultdict(list)
        for job_type in self._kinds:
            period = job_type.keep.by_status().get(status)
            if period is not None:
                found[period].append(job_type.name)
        return found


def _expired() -> Select[UUID]:
    return select(attachments.c.id).where(attachments.c.deleted_at.is_(None), attachments.c.expires_at <= now())


FORECAST_PERIOD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneForecast:
    """What goes: jobs with their parts, files with theirs and on their own, and the bytes of those files."""

    jobs: int
    files: int
    bytes: int


def forecast_pruning(
    engine: Engine, files: FileStore, retention: timedelta, job_types: Iterable[JobType]
) -> PruneForecast:
    """Return what will be removed within `FORECAST_PERIOD`, if nothing else happens."""
    sooner = [replace(job_type, keep=_sooner(job_type.keep)) for job_type in job_types]
    house = Pruner(engine, files, max(timedelta(0), retention - FORECAST_PERIOD), sooner)
    doomed = select(jobs.c.id).where(or_(*house.expiry_conditions()))
    going = (
        attachments.c.deleted_at.is_(None),
        or_(attachments.c.expires_at <= later(FORECAST_PERIOD.total_seconds()), attachments.c.job_id.in_(doomed)),
    )
    counted = select(func.count(), func.coalesce(func.sum(attachments.c.size), 0)).where(*going)
    with reading(engine) as connection:
        count, size = connection.execute(counted).one()
    return PruneForecast(jobs=house.prune(only_count=True), files=count, bytes=int(size))


def _sooner(keep: Retention) -> Retention:
    return Retention(**{status.value: _less(period) for status, period in keep.by_status().items()})


def _less(period: timedelta) -> timedelta:
    return FOREVER if period == FOREVER else max(timedelta(0), period - FORECAST_PERIOD)
