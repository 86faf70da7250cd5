"""Housekeeping, done every hour by the `maintenance` job: old jobs, expired files, orphans.

Everything goes in small batches, each a transaction of its own: no writer waits long, no statement
runs into its time limit, and whatever is cut short goes on the next time. The row goes first, then
its file; a crash in between leaves an orphan, which the sweep removes.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, delete, func, or_, select, update

from webapp.database import reading, writing
from webapp.jobs.files import FileStore
from webapp.schema import attachments, jobs, later, now

ORPHAN_AGE = timedelta(days=1)
BATCH = 500
_FINISHED = ("completed", "failed", "cancelled", "stale")


class Housekeeping:
    """Removes what is past its day, from the database and from the disk.

    Each verb returns how many it removed; with ``only_count``, how many it would.
    """

    def __init__(self, engine: Engine, files: FileStore, retention: timedelta) -> None:
        self._engine = engine
        self._files = files
        self.retention = retention

    def prune(self, older_than: timedelta, *, only_count: bool = False) -> int:
        """Delete finished jobs that ended longer ago than ``older_than``, with their parts and all their files."""
        if only_count:
            return self._count(_with_parts(_old_roots(older_than)))
        count = 0
        while pruned := self._prune_some(older_than):
            count += pruned
        return count

    def expire_files(self, *, only_count: bool = False) -> int:
        """Remove files that are past their day; their rows stay, and say since when they are gone."""
        if only_count:
            return self._count(_expired())
        count = 0
        while expired := self._expire_some():
            count += expired
        return count

    def sweep_orphans(self, *, only_count: bool = False) -> int:
        """Remove files on disk that no row needs and nobody has written to for `ORPHAN_AGE`."""
        count = 0
        for batch in self._old_files():
            for file_id in batch.keys() - self._needed(batch):
                count += 1
                if not only_count:
                    batch[file_id].unlink(missing_ok=True)
        return count

    def _prune_some(self, older_than: timedelta) -> int:
        with writing(self._engine) as connection:
            roots = _old_roots(older_than).limit(BATCH).with_for_update(skip_locked=True)
            doomed = connection.execute(_with_parts(connection.execute(roots).scalars().all())).scalars().all()
            theirs = attachments.c.job_id.in_(doomed)
            files = connection.execute(select(attachments.c.id).where(theirs)).scalars().all()
            connection.execute(delete(jobs).where(jobs.c.id.in_(doomed)))
        self._remove(files)
        return len(doomed)

    def _expire_some(self) -> int:
        some = attachments.c.id.in_(_expired().limit(BATCH))
        gone = update(attachments).where(some).values(deleted_at=now()).returning(attachments.c.id)
        with writing(self._engine) as connection:
            files = connection.execute(gone).scalars().all()
        self._remove(files)
        return len(files)

    def _old_files(self) -> Iterator[dict[UUID, Path]]:
        found = self._files.files(ORPHAN_AGE, time())
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


def _old_roots(older_than: timedelta) -> Select[UUID]:
    """Parts are not asked: they go with their root, and stay while it is not finished."""
    old = jobs.c.finished_at <= later(-older_than.total_seconds())
    return select(jobs.c.id).where(jobs.c.status.in_(_FINISHED), old, jobs.c.root_id.is_(None))


def _with_parts(roots: Any) -> Select[UUID]:
    return select(jobs.c.id).where(or_(jobs.c.id.in_(roots), jobs.c.root_id.in_(roots)))


def _expired() -> Select[UUID]:
    return select(attachments.c.id).where(attachments.c.deleted_at.is_(None), attachments.c.expires_at <= now())
