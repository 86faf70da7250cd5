"""Removing: jobs that have ended go, with their parts and all their files.

The rows go first, in one transaction; their files after its commit. A crash in between leaves
orphans, which the sweep removes (housekeeping.py). A part goes with its root and never alone:
the root counts it.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, exists, func, or_, select

from webapp.db.engine import reading, writing
from webapp.fault_injection import faultpoint
from webapp.jobs.model.job import TERMINAL, IllegalTransition, Status, short_id
from webapp.jobs.store.file_store import FileStore
from webapp.jobs.store.job_store import JobNotFound
from webapp.schema import attachments, jobs, later

log = logging.getLogger(__name__)
BATCH = 500
ENDED = tuple(sorted(status.value for status in TERMINAL))


class CannotBeDeleted(IllegalTransition):
    """Only jobs that have ended are deleted, and parts with their root."""

    def __init__(self, job_id: UUID, why: str) -> None:
        """Say which job, and why it stays."""
        Exception.__init__(self, f"Job {short_id(job_id)} cannot be deleted: {why}")


class Removing:
    """Removes jobs from one database and its files from the disk."""

    def __init__(self, engine: Engine, files: FileStore) -> None:
        self.engine = engine
        self._files = files

    def delete(self, job_id: UUID, *, by: UUID | None = None) -> None:
        """Delete a job that has ended, with its parts and files; else raise `CannotBeDeleted` or `JobNotFound`."""
        if not self.delete_many([job_id], by=by):
            raise self._why_not(job_id)

    def delete_many(self, ids: Collection[UUID], *, by: UUID | None = None) -> int:
        """Delete those of the jobs that can be; return how many rows went, parts counted too."""
        count, wanted = 0, list(ids)
        for first in range(0, len(wanted), BATCH):
            count += self._remove(jobs.c.id.in_(wanted[first : first + BATCH]))
        if count:
            log.info("%d jobs were deleted by %s.", count, by or "the system")
        return count

    def prune(self, older_than: timedelta, *, only_count: bool = False) -> int:
        """Delete jobs that ended longer ago than ``older_than``; return how many, or would with ``only_count``."""
        return self.remove_all(ended_before(older_than), only_count=only_count)

    def remove_all(self, which: ColumnElement[bool], *, only_count: bool = False) -> int:
        """Delete the roots and lone jobs that have ended, are not kept and meet the condition, batch by batch."""
        which = and_(which, jobs.c.kept_at.is_(None))
        if only_count:
            counted = select(func.count()).select_from(_with_parts(_removable(which)).subquery())
            with reading(self.engine) as connection:
                return connection.execute(counted).scalar_one()
        count = 0
        while removed := self._remove(which):
            count += removed
        return count

    def _remove(self, which: ColumnElement[bool]) -> int:
        with writing(self.engine) as connection:
            roots = connection.execute(_removable(which).limit(BATCH).with_for_update(skip_locked=True))
            doomed = _not_in_use(connection, roots.scalars().all())
            files = _delete(connection, doomed)
        self._unlink(files)
        return len(doomed)

    def _unlink(self, files: Iterable[UUID]) -> None:
        faultpoint("remove.files")
        for file_id in files:
            self._files.remove(file_id)

    def _why_not(self, job_id: UUID) -> Exception:
        with reading(self.engine) as connection:
            row = connection.execute(select(jobs.c.status, jobs.c.root_id).where(jobs.c.id == job_id)).first()
        if row is None:
            return JobNotFound(job_id)
        if row.root_id is not None:
            return CannotBeDeleted(job_id, f"it is a part of job {short_id(row.root_id)} and goes with that.")
        if Status(row.status) not in TERMINAL:
            return CannotBeDeleted(job_id, f"it is {row.status}. Stop it first.")
        return CannotBeDeleted(job_id, "one of its parts has not ended.")


def ended_before(age: timedelta) -> ColumnElement[bool]:
    """Return the condition that a job ended longer ago than ``age``."""
    return jobs.c.finished_at <= later(-age.total_seconds())


def _removable(which: ColumnElement[bool]) -> Select[UUID]:
    parts = jobs.alias("parts")
    unfinished = exists().where(parts.c.root_id == jobs.c.id, parts.c.status.not_in(ENDED))
    return select(jobs.c.id).where(jobs.c.status.in_(ENDED), jobs.c.root_id.is_(None), which, ~unfinished)


def _with_parts(roots: Sequence[UUID] | Select[UUID]) -> Select[UUID]:
    return select(jobs.c.id).where(or_(jobs.c.id.in_(roots), jobs.c.root_id.in_(roots)))


def _not_in_use(connection: Connection, roots: Sequence[UUID]) -> Sequence[UUID]:
    """Return the roots with their parts, without those of which somebody holds a part; waits for nobody."""
    parts = select(jobs.c.id, jobs.c.root_id).where(jobs.c.root_id.in_(roots))
    free = {row.id for row in connection.execute(parts.with_for_update(skip_locked=True))}
    busy = {row.root_id for row in connection.execute(parts) if row.id not in free}
    return connection.execute(_with_parts([root for root in roots if root not in busy])).scalars().all()


def _delete(connection: Connection, doomed: Sequence[UUID]) -> Sequence[UUID]:
    if not doomed:
        return ()
    files = connection.execute(select(attachments.c.id).where(attachments.c.job_id.in_(doomed))).scalars().all()
    connection.execute(delete(jobs).where(jobs.c.id.in_(doomed)))
    return files
