"""Delete ended jobs with their children and all their files.

The rows are deleted in one transaction and the files after its commit. A crash in between leaves
orphaned files, which the pruner removes. A child is deleted with its root and never alone, because
the root counts it.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, exists, func, or_, select

from webapp.db.engine import is_sqlite, reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.model.job import TERMINAL, IllegalTransition, Status, short_id
from webapp.jobs.store.file_store import FileStore
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import attachments, database_time, dependencies, flow_jobs, flows, jobs

log = logging.getLogger(__name__)
BATCH = 500
ENDED = tuple(sorted(status.value for status in TERMINAL))


class CannotBeDeleted(IllegalTransition):
    """Raised when a job has not ended, has unfinished children or dependents, or is a child itself."""

    def __init__(self, job_id: UUID, why: str) -> None:
        """Name the job and the reason."""
        Exception.__init__(self, f"Job {short_id(job_id)} cannot be deleted: {why}")


class JobDeleter:
    """Deletes jobs of one database, and their files."""

    def __init__(self, engine: Engine, files: FileStore) -> None:
        self.engine = engine
        self._files = files

    def delete(self, job_id: UUID, *, by: UUID | None = None) -> None:
        """Delete an ended job with its children and files; raise `CannotBeDeleted` or `JobNotFound`."""
        if not self.delete_many([job_id], by=by):
            raise self._refusal(job_id)

    def delete_many(self, ids: Collection[UUID], *, by: UUID | None = None) -> int:
        """Delete the jobs that can be deleted; return the number of deleted rows, children included."""
        count, job_ids = 0, list(ids)
        for first in range(0, len(job_ids), BATCH):
            count += self._delete_batch(_deletable(jobs.c.id.in_(job_ids[first : first + BATCH])))
        if count:
            log.info("Deleted %d jobs, requested by %s.", count, by or "the system")
        return count

    def prune(self, older_than: timedelta, *, only_count: bool = False) -> int:
        """Delete jobs that ended longer ago than ``older_than``; return how many. ``only_count`` deletes nothing."""
        return self.delete_matching(ended_before(moment_before(self.engine, older_than)), only_count=only_count)

    def delete_matching(self, condition: ColumnElement[bool], *, only_count: bool = False) -> int:
        """Delete the ended jobs without a root that are not pinned and match the condition, in batches.

        Returns the number of deleted rows, children included; ``only_count`` deletes nothing.
        """
        condition = and_(condition, jobs.c.kept_at.is_(None))
        if only_count:
            with reading(self.engine) as connection:
                return connection.execute(_counted_with_children(_deletable(condition))).scalar_one()
        deletable = _deletable(condition)
        if not is_sqlite(self.engine):  # which would sort all jobs of a status
            deletable = deletable.order_by(jobs.c.finished_at)  # in the order of their index, until the bound
        count = 0
        while deleted := self._delete_batch(deletable):
            count += deleted
        return count

    def _delete_batch(self, deletable: Select[UUID]) -> int:
        with writing(self.engine) as connection:
            roots = connection.execute(deletable.limit(BATCH).with_for_update(skip_locked=True))
            ids = _unlocked_families(connection, roots.scalars().all())
            files = _delete_rows(connection, ids)
        self._remove_files(files)
        return len(ids)

    def _remove_files(self, files: Iterable[UUID]) -> None:
        faultpoint("remove.files")
        for file_id in files:
            self._files.remove(file_id)

    def _refusal(self, job_id: UUID) -> Exception:
        with reading(self.engine) as connection:
            row = connection.execute(select(jobs.c.status, jobs.c.root_id).where(jobs.c.id == job_id)).first()
        if row is None:
            return JobNotFound(job_id)
        if row.root_id is not None:
            return CannotBeDeleted(job_id, f"it is a child of job {short_id(row.root_id)} and is deleted with it.")
        if Status(row.status) not in TERMINAL:
            return CannotBeDeleted(job_id, f"it is {row.status}. Stop it first.")
        if self._is_awaited(job_id):
            return CannotBeDeleted(job_id, "jobs that follow it have not ended. Stop them first.")
        return CannotBeDeleted(job_id, "one of its child jobs has not ended.")

    def _is_awaited(self, job_id: UUID) -> bool:
        with reading(self.engine) as connection:
            return connection.execute(select(jobs.c.id).where(jobs.c.id == job_id, _awaited())).first() is not None


def moment_before(engine: Engine, age: timedelta) -> datetime:
    """Return when ``age`` before now was, by the clock of the database.

    A value, because PostgreSQL neither looks up its changing clock in an index nor estimates how many rows it matches.
    """
    with reading(engine) as connection:
        return database_time(connection) - age


def ended_before(moment: datetime) -> ColumnElement[bool]:
    """Return the condition that a job ended at ``moment`` or earlier."""
    return jobs.c.finished_at <= moment


def may_be_deleted() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a root and its children have ended, and that no job needs them any more."""
    children = jobs.alias("children")
    unfinished = select(children.c.id).where(children.c.root_id == jobs.c.id, children.c.status.not_in(ENDED))
    return jobs.c.status.in_(ENDED), jobs.c.root_id.is_(None), ~_finds_any(unfinished), ~_awaited()


def _deletable(condition: ColumnElement[bool]) -> Select[UUID]:
    return select(jobs.c.id).where(condition, *may_be_deleted())


def _awaited() -> ColumnElement[bool]:
    """Return the condition that a job that follows has not ended: it waits for this one, or may read its results."""
    dependents = jobs.alias("dependents")
    unfinished = (
        select(dependents.c.id)
        .join(dependencies, dependencies.c.job_id == dependents.c.id)
        .where(dependencies.c.after_id == jobs.c.id, dependents.c.status.not_in(ENDED))
    )
    return and_(jobs.c.has_dependents, _finds_any(unfinished))


def _finds_any(related: Select[UUID]) -> ColumnElement[bool]:
    """Return the condition that a query for one job finds a row.

    No EXISTS, for which PostgreSQL may read all related rows, as it expects to ask for more jobs than a batch has.
    """
    return related.limit(1).correlate(jobs).scalar_subquery().is_not(None)


def _counted_with_children(roots: Select[UUID]) -> Select[int]:
    found = roots.cte()
    children = select(func.count()).where(jobs.c.root_id.in_(select(found.c.id))).scalar_subquery()
    return select(select(func.count()).select_from(found).scalar_subquery() + children)


def _with_children(roots: Sequence[UUID]) -> Select[UUID]:
    return select(jobs.c.id).where(or_(jobs.c.id.in_(roots), jobs.c.root_id.in_(roots)))


def _unlocked_families(connection: Connection, roots: Sequence[UUID]) -> Sequence[UUID]:
    """Lock the children; return the roots with their children, without families that another transaction locks."""
    children = select(jobs.c.id, jobs.c.root_id).where(jobs.c.root_id.in_(roots))
    free = {row.id for row in connection.execute(children.with_for_update(skip_locked=True))}
    busy = {row.root_id for row in connection.execute(children) if row.id not in free}
    return connection.execute(_with_children([root for root in roots if root not in busy])).scalars().all()


def _delete_rows(connection: Connection, ids: Sequence[UUID]) -> Sequence[UUID]:
    if not ids:
        return ()
    files = connection.execute(select(attachments.c.id).where(attachments.c.job_id.in_(ids))).scalars().all()
    of_flows = select(flow_jobs.c.flow_id).where(flow_jobs.c.job_id.in_(ids)).distinct()
    flow_ids = connection.execute(of_flows).scalars().all()
    connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))
    if flow_ids:
        has_jobs = exists().where(flow_jobs.c.flow_id == flows.c.id)
        connection.execute(delete(flows).where(flows.c.id.in_(flow_ids), ~has_jobs))
    return files
