"""The pruner: the hourly `maintenance` job uses it to delete old jobs, files, schedule runs and metrics.

It deletes in small batches, each in its own transaction: no writer waits long, no statement reaches its time limit,
and an interrupted run continues the next time. A row is deleted before its file; a crash in between leaves an orphaned
file, which `Pruner.sweep_orphans` deletes. `forecast_pruning` counts what will be deleted within a day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import islice
from time import time
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select, update

from webapp.db.engine import reading, writing
from webapp.db.partitions import PartitionMonth
from webapp.jobs.budgets.usage_rollup import prune_usage
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.lifecycle.delete import BATCH, JobDeleter, ended_before, moment_before
from webapp.jobs.maintenance.month_partitions import MonthPartitions
from webapp.jobs.metrics.expiry import prune_metrics
from webapp.jobs.model.job import TERMINAL, Job, Status
from webapp.jobs.model.policies import FOREVER, Retention
from webapp.jobs.queueing.rates import prune_starts
from webapp.jobs.schedules.run_history import RunHistory
from webapp.jobs.store.file_store import FileStore, FoundFile
from webapp.schema import attachments, jobs, later, now

ORPHAN_AGE = timedelta(days=1)
FORECAST_PERIOD = timedelta(days=1)


class MissingFile(NamedTuple):
    """A file that has a row but is not on the disk."""

    id: UUID
    job_id: UUID
    name: str


class Pruner:
    """Deletes what has expired, from the database and from the disk.

    ``retention`` applies to jobs whose type has none of its own, ``keep_metrics`` to metrics. Each method returns how
    many items it deleted; with ``only_count``, how many it would delete.
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
        self._deletion = JobDeleter(engine, files)
        self._run_history = RunHistory(engine)
        self.months = MonthPartitions(engine, files)
        self._job_types = job_types
        self.retention = retention
        self._keep_metrics = keep_metrics

    def prune(self, older_than: timedelta | None = None, *, only_count: bool = False) -> int:
        """Delete ended jobs with their children and files, each after the retention of its job type.

        With ``older_than``, delete every job that ended longer ago, regardless of its type's retention. Where the
        tables have partitions, months of which every job has expired are dropped first.
        """
        if older_than is not None:
            return self._deletion.prune(older_than, only_count=only_count)
        rules = tuple(self.expiry_conditions())
        dropped = 0 if only_count else self.months.drop(rules)
        return dropped + sum(self._deletion.delete_matching(rule, only_count=only_count) for rule in rules)

    def add_months(self) -> int:
        """Add the partitions of the next months where the tables have partitions; return for how many months."""
        return self.months.add_ahead()

    def deletion_time(self, job: Job) -> datetime | None:
        """Return when an ended job will be deleted; `None` if never, and for children, which go with their root."""
        return None if job.kept_at else self.deletion_time_unless_pinned(job)

    def deletion_time_unless_pinned(self, job: Job) -> datetime | None:
        """Return when a pinned job would be deleted if it were not pinned."""
        job_type = next((job_type for job_type in self._job_types if job_type.name == job.type), None)
        own_period = job_type.keep.by_status().get(job.status) if job_type else None
        period = self.retention if own_period is None else own_period
        if job.finished_at is None or job.root_id or period == FOREVER:
            return None
        if own_period is None and self.months.exist:  # it expires with its month
            return max(job.finished_at, PartitionMonth.of_id(job.id).after().begins) + period
        return job.finished_at + period

    def expire_files(self, *, only_count: bool = False) -> int:
        """Delete expired files; their rows stay, with the time of deletion."""
        if only_count:
            return self._count(_expired())
        count = 0
        while expired := self._expire_batch():
            count += expired
        return count

    def prune_schedule_runs(self, *, only_count: bool = False) -> int:
        """Delete schedule runs older than the retention; each schedule keeps its latest ones."""
        return self._run_history.prune(self.retention, only_count=only_count)

    def prune_metrics(self, *, only_count: bool = False) -> int:
        """Delete metrics older than ``keep_metrics``."""
        return prune_metrics(self._engine, self._keep_metrics, only_count=only_count)

    def prune_rate_starts(self, *, only_count: bool = False) -> int:
        """Delete the starts that no rate counts any more."""
        return prune_starts(self._engine, only_count=only_count)

    def prune_budget_usage(self, *, only_count: bool = False) -> int:
        """Delete what users have used in months that are long past."""
        return prune_usage(self._engine, only_count=only_count)

    def sweep_orphans(self, *, older_than: timedelta = ORPHAN_AGE, only_count: bool = False) -> int:
        """Delete stored files that have no row and were not written to for ``older_than``."""
        count = 0
        for batch in self._old_files(older_than):
            for file_id in batch.keys() - self._needed(batch):
                count += 1
                if not only_count:
                    self._files.remove_found(batch[file_id])
        return count

    def missing_files(self) -> Iterator[MissingFile]:
        """Yield the files that have a row but are not stored: something other than Deskjob removed them."""
        last = UUID(int=0)
        while rows := self._existing(attachments.c.id > last):
            last = rows[-1].id
            missing = [row.id for row in rows if not self._files.has(row.id)]
            # queried again, as a file that has just expired leaves the disk after its row
            yield from (self._existing(attachments.c.id.in_(missing)) if missing else ())

    def expiry_conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions of expired jobs; no job matches two of them.

        Where the tables have partitions, a job without a retention of its own type expires with its month.
        """
        moment = cache(partial(moment_before, self._engine))
        usual = [ended_before(moment(self.retention))]
        if self.months.exist:
            usual.append(jobs.c.id < PartitionMonth.of(moment(self.retention)).first_id)
        for status in sorted(TERMINAL):
            periods = self._periods_by_type(status)
            others = jobs.c.type.not_in([name for names in periods.values() for name in names])
            yield and_(jobs.c.status == status.value, others, *usual)
            for period, names in periods.items():
                if period != FOREVER:
                    yield and_(jobs.c.status == status.value, jobs.c.type.in_(names), ended_before(moment(period)))

    def _existing(self, condition: ColumnElement[bool]) -> list[MissingFile]:
        existing = (
            select(attachments.c.id, attachments.c.job_id, attachments.c.name)
            .where(attachments.c.deleted_at.is_(None), condition)
            .order_by(attachments.c.id)
            .limit(BATCH)
        )
        with reading(self._engine) as connection:
            return [MissingFile(*row) for row in connection.execute(existing)]

    def _expire_batch(self) -> int:
        expired = attachments.c.id.in_(_expired().limit(BATCH))
        statement = update(attachments).where(expired).values(deleted_at=now()).returning(attachments.c.id)
        with writing(self._engine) as connection:
            files = connection.execute(statement).scalars().all()
        self._delete_files(files)
        return len(files)

    def _old_files(self, older_than: timedelta) -> Iterator[dict[UUID, FoundFile]]:
        found = self._files.files(older_than, time())
        while batch := {file.id: file for file in islice(found, BATCH)}:
            yield batch

    def _needed(self, files: dict[UUID, FoundFile]) -> set[UUID]:
        rows = select(attachments.c.id).where(attachments.c.id.in_(files), attachments.c.deleted_at.is_(None))
        with reading(self._engine) as connection:
            return set(connection.execute(rows).scalars())

    def _delete_files(self, files: Iterable[UUID]) -> None:
        for file_id in files:
            self._files.remove(file_id)

    def _count(self, rows: Select[UUID]) -> int:
        with reading(self._engine) as connection:
            return connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one()

    def _periods_by_type(self, status: Status) -> dict[timedelta, list[str]]:
        found: dict[timedelta, list[str]] = defaultdict(list)
        for job_type in self._job_types:
            period = job_type.keep.by_status().get(status)
            if period is not None:
                found[period].append(job_type.name)
        return found


def _expired() -> Select[UUID]:
    return select(attachments.c.id).where(attachments.c.deleted_at.is_(None), attachments.c.expires_at <= now())


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneForecast:
    """What will be deleted: jobs with their children, expired files and those of the jobs, and their bytes."""

    jobs: int
    files: int
    bytes: int


def forecast_pruning(
    engine: Engine, files: FileStore, retention: timedelta, job_types: Iterable[JobType]
) -> PruneForecast:
    """Return what will be deleted within `FORECAST_PERIOD` if nothing else happens."""
    job_types_ahead = [replace(job_type, keep=_retention_ahead(job_type.keep)) for job_type in job_types]
    pruner = Pruner(engine, files, max(timedelta(0), retention - FORECAST_PERIOD), job_types_ahead)
    expired = select(jobs.c.id).where(or_(*pruner.expiry_conditions()))
    conditions = (
        attachments.c.deleted_at.is_(None),
        or_(attachments.c.expires_at <= later(FORECAST_PERIOD.total_seconds()), attachments.c.job_id.in_(expired)),
    )
    counted = select(func.count(), func.coalesce(func.sum(attachments.c.size), 0)).where(*conditions)
    with reading(engine) as connection:
        count, size = connection.execute(counted).one()
    return PruneForecast(jobs=pruner.prune(only_count=True), files=count, bytes=int(size))


def _retention_ahead(keep: Retention) -> Retention:
    return Retention(**{status.value: _period_ahead(period) for status, period in keep.by_status().items()})


def _period_ahead(period: timedelta) -> timedelta:
    return FOREVER if period == FOREVER else max(timedelta(0), period - FORECAST_PERIOD)
