"""Housekeeping, done every hour by the `maintenance` job: old jobs, expired files, orphans.

Everything goes in small batches, each a transaction of its own: no writer waits long, no statement
runs into its time limit, and whatever is cut short goes on the next time. The row goes first, then
its file; a crash in between leaves an orphan, which the sweep removes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import time
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, and_, func, select, update

from webapp.database import reading, writing
from webapp.jobs.files import FileStore
from webapp.jobs.job import TERMINAL, Status
from webapp.jobs.job_type import JobType
from webapp.jobs.removing import BATCH, Removing, ended_before
from webapp.jobs.retention import FOREVER
from webapp.schema import attachments, jobs, now

ORPHAN_AGE = timedelta(days=1)


class Housekeeping:
    """Removes what is past its day, from the database and from the disk.

    ``retention`` is for jobs whose type says nothing else. Each verb returns how many it removed;
    with ``only_count``, how many it would.
    """

    def __init__(self, engine: Engine, files: FileStore, retention: timedelta, kinds: Iterable[JobType] = ()) -> None:
        self._engine = engine
        self._files = files
        self._removing = Removing(engine, files)
        self._kinds = kinds
        self.retention = retention

    def prune(self, older_than: timedelta | None = None, *, only_count: bool = False) -> int:
        """Delete jobs that have ended, with their parts and all their files, each after its type's retention.

        With ``older_than``, all that ended longer ago than that, whatever their types say.
        """
        if older_than is not None:
            return self._removing.prune(older_than, only_count=only_count)
        return sum(self._removing.remove_all(rule, only_count=only_count) for rule in self._rules())

    def expire_files(self, *, only_count: bool = False) -> int:
        """Remove files that are past their day; their rows stay, and say since when they are gone."""
        if only_count:
            return self._count(_expired())
        count = 0
        while expired := self._expire_some():
            count += expired
        return count

    def sweep_orphans(self, *, older_than: timedelta = ORPHAN_AGE, only_count: bool = False) -> int:
        """Remove files on disk that no row needs and nobody has written to for ``older_than``."""
        count = 0
        for batch in self._old_files(older_than):
            for file_id in batch.keys() - self._needed(batch):
                count += 1
                if not only_count:
                    batch[file_id].unlink(missing_ok=True)
        return count

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

    def _rules(self) -> Iterator[ColumnElement[bool]]:
        """Go through the conditions of being past one's day; no job meets two of them."""
        for status in sorted(TERMINAL):
            own = self._own_rules(status)
            others = jobs.c.type.not_in([name for names in own.values() for name in names])
            yield and_(jobs.c.status == status.value, others, ended_before(self.retention))
            for period, names in own.items():
                if period != FOREVER:
                    yield and_(jobs.c.status == status.value, jobs.c.type.in_(names), ended_before(period))

    def _own_rules(self, status: Status) -> dict[timedelta, list[str]]:
        found: dict[timedelta, list[str]] = defaultdict(list)
        for kind in self._kinds:
            period = kind.keep.by_status().get(status)
            if period is not None:
                found[period].append(kind.name)
        return found


def _expired() -> Select[UUID]:
    return select(attachments.c.id).where(attachments.c.deleted_at.is_(None), attachments.c.expires_at <= now())
