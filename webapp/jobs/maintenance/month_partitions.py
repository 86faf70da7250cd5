"""Jobs by month: where PostgreSQL keeps each month of jobs in partitions, a whole month is dropped at once.

The jobs and the largest tables of their rows are divided by the id of the job, which says when it was created. Rows of
the other tables are deleted with their month. Nothing is dropped that the retention would not delete.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from functools import cached_property
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    column,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.exc import OperationalError

from webapp.db import partitions
from webapp.db.engine import is_sqlite, lift_time_limit, reading, writing
from webapp.db.partitions import PartitionMonth
from webapp.fault_injection import faultpoint
from webapp.jobs.lifecycle.delete import BATCH, ended_before, may_be_deleted, moment_before
from webapp.jobs.store.file_store import FileStore
from webapp.schema import attachments, database_time, flow_jobs, flows, jobs, metadata

log = logging.getLogger(__name__)
TABLES = {
    "jobs": "id",
    "attempts": "job_id",
    "events": "job_id",
    "log_lines": "job_id",
    "attachments": "job_id",
    "job_steps": "job_id",
}
FIRST_REVISION = "0044"  # of tables that can be divided
MONTHS_AHEAD = 3
COUNTED_BACK = timedelta(days=2)  # a trigger subtracts jobs that are deleted earlier from the metrics
_EXPIRED = "expired"  # the end of the names of detached partitions
# A process that waits for a lock looks for a deadlock after a second, and may then be the one that is ended
_LOCK_SECONDS = 0.6
_AUTOVACUUM_SECONDS = 3.0  # it gives way to others after a second
_TRIES, _PAUSE_SECONDS = 20, 1.0
_LOCKED = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected
# Detaching looks for rows that refer to the month. The oldest month is at the beginning of each index of jobs, so
# that reading two indexes side by side ends at once, whatever the planner knows
_PLAN = ("enable_hashjoin = off", "enable_nestloop = off", "enable_seqscan = off", "enable_bitmapscan = off")
# PostgreSQL detaches no partition whose rows refer to each other
_CHILDREN_GO_WITH_THEIR_ROOT = (
    "ALTER TABLE jobs DROP CONSTRAINT fk_jobs_root_id_jobs",
    """CREATE FUNCTION remove_children() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF EXISTS (SELECT FROM gone WHERE root_id IS NULL) THEN
         DELETE FROM jobs WHERE root_id IN (SELECT id FROM gone WHERE root_id IS NULL);
       END IF;
       RETURN NULL; END $$""",
    """CREATE TRIGGER children_go_with_their_root AFTER DELETE ON jobs REFERENCING OLD TABLE AS gone
       FOR EACH STATEMENT EXECUTE FUNCTION remove_children()""",
)


def divide_by_month(connection: Connection, also: Collection[PartitionMonth] = ()) -> bool:
    """Divide the tables, with partitions for this month, those ahead, and further ones; return False if they have rows.

    The caller has a transaction.
    """
    for name in TABLES:
        connection.exec_driver_sql(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
    if any(connection.execute(select(text("1")).select_from(table(name)).limit(1)).first() for name in TABLES):
        return False
    for statement in _CHILDREN_GO_WITH_THEIR_ROOT:
        connection.exec_driver_sql(statement)
    current = PartitionMonth.of(database_time(connection))
    partitions.divide(connection, TABLES, {*also, *(current.after(count) for count in range(MONTHS_AHEAD + 1))})
    return True


def months_of_jobs(connection: Connection) -> list[PartitionMonth]:
    """Return the months that have partitions of their own; none if the tables are not divided."""
    return [] if is_sqlite(connection.engine) else partitions.months_of(connection, jobs.name)


class MonthPartitions:
    """The partitions of one database, if it has any."""

    def __init__(self, engine: Engine, files: FileStore) -> None:
        self._engine = engine
        self._files = files

    @cached_property
    def exist(self) -> bool:
        """Whether the tables are divided by month."""
        if is_sqlite(self._engine):
            return False
        with reading(self._engine) as connection:
            return partitions.is_divided(connection, jobs.name)

    def current(self) -> PartitionMonth:
        """Return the month of the database's time."""
        with reading(self._engine) as connection:
            return PartitionMonth.of(database_time(connection))

    def add_ahead(self) -> int:
        """Add the partitions that are missing of this month and the next ones; return for how many months.

        A month of which rows are in the default partition gets none.
        """
        if not self.exist:
            return 0
        current = self.current()
        with reading(self._engine) as connection:
            known = partitions.months_of(connection, jobs.name)
        wanted = (current.after(count) for count in range(MONTHS_AHEAD + 1))
        return sum(self._locked(self._adding(month)) for month in wanted if month not in known)

    def drop(self, expired: Iterable[ColumnElement[bool]]) -> int:
        """Drop each past month of which every job has ``expired``; return the number of jobs.

        The files of its jobs are removed after the commit.
        """
        if not self.exist:
            return 0
        may_go = and_(
            or_(*expired),
            ended_before(moment_before(self._engine, COUNTED_BACK)),
            jobs.c.kept_at.is_(None),
            *may_be_deleted(),
        )
        current = self.current()
        with reading(self._engine) as connection:
            months = [month for month in partitions.months_of(connection, jobs.name) if month < current]
        for month in months:
            if not self._stays(month, may_go) and self._locked(self._detaching(month, may_go)):
                log.info("Detached the jobs of %04d-%02d.", month.year, month.number)
        return self._drop_detached()

    def _stays(self, month: PartitionMonth, may_go: ColumnElement[bool]) -> bool:
        with reading(self._engine) as connection:
            lift_time_limit(connection)
            return connection.execute(_staying(month, may_go)).first() is not None

    def _adding(self, month: PartitionMonth) -> Callable[[Connection], bool]:
        def add(connection: Connection) -> bool:
            if any(connection.execute(_in_default(name, key, month)).first() for name, key in TABLES.items()):
                return False
            partitions.add_month(connection, TABLES, month)
            return True

        return add

    def _detaching(self, month: PartitionMonth, may_go: ColumnElement[bool]) -> Callable[[Connection], bool]:
        def detach(connection: Connection) -> bool:
            if connection.execute(_staying(month, may_go)).first() is not None:
                return False
            _delete_references(connection, month)
            for setting in _PLAN:
                connection.exec_driver_sql(f"SET LOCAL {setting}")
            for name in reversed(TABLES):
                partitions.detach_month(connection, name, month, _EXPIRED)
            return True

        return detach

    def _locked(self, step: Callable[[Connection], bool]) -> bool:
        """Run a step that changes tables while nobody else uses them; return False if they are in use all the time.

        All locks are taken first, and only as long as it takes to see whether they are free: nobody waits long.
        """
        names = sorted({*TABLES, *(key.table.name for key in _referring())} - {jobs.name})
        for _ in range(_TRIES):
            try:
                with writing(self._engine) as connection:
                    lift_time_limit(connection)
                    ends = monotonic() + _LOCK_SECONDS
                    for name in (*names, jobs.name):
                        left = max(1, round((ends - monotonic()) * 1000))
                        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{left}ms'")
                        connection.exec_driver_sql(f"LOCK TABLE ONLY {name} IN ACCESS EXCLUSIVE MODE")
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_AUTOVACUUM_SECONDS:.0f}s'")
                    return step(connection)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", "") not in _LOCKED:
                    raise
            sleep(_PAUSE_SECONDS)
        log.warning("The tables of jobs are in use all the time, so their partitions are changed later.")
        return False

    def _drop_detached(self) -> int:
        """Remove the files of the detached months, and drop these; a run that was interrupted is continued."""
        with reading(self._engine) as connection:
            months = partitions.detached_months(connection, jobs.name, _EXPIRED)
        return sum(self._drop_month(month) for month in months)

    def _drop_month(self, month: PartitionMonth) -> int:
        detached = {name: partitions.detached_name(name, month, _EXPIRED) for name in TABLES}
        self._remove_files(detached[attachments.name])
        with writing(self._engine) as connection:
            lift_time_limit(connection)
            count = connection.execute(select(func.count()).select_from(table(detached[jobs.name]))).scalar_one()
            for name in detached.values():
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
        return int(count)

    def _remove_files(self, name: str) -> None:
        rows = table(name, column("id", attachments.c.id.type), column("deleted_at"))
        last = UUID(int=0)
        while True:
            batch = select(rows.c.id).where(rows.c.deleted_at.is_(None), rows.c.id > last).order_by(rows.c.id)
            with reading(self._engine) as connection:
                ids = connection.execute(batch.limit(BATCH)).scalars().all()
            if not ids:
                return
            faultpoint("remove.files")
            for file_id in ids:
                self._files.remove(file_id)
            last = ids[-1]


def _delete_references(connection: Connection, month: PartitionMonth) -> None:
    """Delete the rows of other tables that belong to the jobs of a month, and the flows that have no other job."""
    of_flows = select(flow_jobs.c.flow_id).where(_in_month(flow_jobs.c.job_id, month)).distinct()
    flow_ids = connection.execute(of_flows).scalars().all()
    for key in _referring():
        connection.execute(delete(key.table).where(_in_month(key, month)))
    has_jobs = exists().where(flow_jobs.c.flow_id == flows.c.id)
    connection.execute(delete(flows).where(flows.c.id.in_(flow_ids), ~has_jobs))


def _referring() -> list[Column[Any]]:
    """Return the columns that refer to jobs, of the tables that are not divided."""
    return [
        key.parent
        for other in metadata.sorted_tables
        if other.name not in TABLES
        for key in other.foreign_keys
        if key.column.table is jobs
    ]


def _in_month(key: ColumnElement[Any], month: PartitionMonth) -> ColumnElement[bool]:
    return and_(key >= month.first_id, key < month.after().first_id)


def _in_default(name: str, key: str, month: PartitionMonth) -> Select[Any]:
    ids = column(key, jobs.c.id.type)
    return select(text("1")).select_from(table(partitions.default_partition(name), ids)).where(_in_month(ids, month))


def _staying(month: PartitionMonth, may_go: ColumnElement[bool]) -> Select[Any]:
    """Return the statement that finds a job that keeps a month: one that stays, or whose family is in two months."""
    children = jobs.alias("children")
    elsewhere = exists().where(children.c.root_id == jobs.c.id, ~_in_month(children.c.id, month)).correlate(jobs)
    stays = or_(
        and_(jobs.c.root_id.is_(None), ~func.coalesce(may_go, false(), type_=Boolean)),
        and_(jobs.c.root_id.is_not(None), ~_in_month(jobs.c.root_id, month)),
        and_(jobs.c.parts > 0, elsewhere),
    )
    return select(text("1")).select_from(jobs).where(_in_month(jobs.c.id, month), stays).limit(1)
