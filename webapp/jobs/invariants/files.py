"""Checks of files: every row has its complete file, and every file has its row."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from time import time
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, select

from webapp.db.engine import reading
from webapp.jobs.invariants.check import Check, check_items
from webapp.jobs.maintenance.pruner import ORPHAN_AGE
from webapp.jobs.store.file_store import CHUNK, FileStore, FoundFile, StorageUnavailable
from webapp.schema import attachments

_BATCH = 500
_MAINTENANCE = timedelta(hours=3)  # the longest time until maintenance deletes an old orphan


def checks(engine: Engine, files: FileStore, *, deep: bool) -> Iterator[Check]:
    """Yield the checks; ``deep`` reads every file and compares its SHA-256."""
    rule = "Every downloadable file exists with its recorded size" + (" and SHA-256." if deep else ".")
    yield check_items(rule, lambda: _damaged(engine, files, deep=deep))
    yield check_items("Every stored file that is older than a day has a row.", lambda: _orphans(engine, files))


def _damaged(engine: Engine, files: FileStore, *, deep: bool) -> Iterator[str]:
    try:
        for row in _rows(engine):
            fault = _fault(files, row, deep=deep)
            if fault and _has_row(engine, row.id):  # it can have been deleted in the meantime
                yield f"file {row.id} of job {row.job_id}: {fault}"
    except StorageUnavailable as error:
        yield str(error)


def _fault(files: FileStore, row: Row[*tuple[Any, ...]], *, deep: bool) -> str:
    try:
        with files.open(row.id) as file:
            size = file.seek(0, 2)
            if size != row.size:
                return f"it has {size} bytes instead of {row.size}"
            if deep and _hash(file) != row.sha256:
                return "its content does not match its SHA-256"
    except StorageUnavailable:
        raise
    except OSError as error:
        return f"it cannot be opened ({error.strerror})"
    return ""


def _hash(file: Any) -> str:
    file.seek(0)
    digest = sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _rows(engine: Engine) -> Iterator[Row[*tuple[Any, ...]]]:
    columns = (attachments.c.id, attachments.c.job_id, attachments.c.size, attachments.c.sha256)
    statement = select(*columns).where(attachments.c.deleted_at.is_(None)).order_by(attachments.c.id).limit(_BATCH)
    last = UUID(int=0)
    while True:
        with reading(engine) as connection:
            batch = connection.execute(statement.where(attachments.c.id > last)).all()
        yield from batch
        if len(batch) < _BATCH:
            return
        last = batch[-1].id


def _has_row(engine: Engine, file_id: UUID) -> bool:
    row = select(attachments.c.id).where(attachments.c.id == file_id, attachments.c.deleted_at.is_(None))
    with reading(engine) as connection:
        return connection.execute(row).first() is not None


def _orphans(engine: Engine, files: FileStore) -> Iterator[str]:
    found = files.files(ORPHAN_AGE + _MAINTENANCE, time())
    try:
        while batch := {file.id: file for file in islice(found, _BATCH)}:
            yield from _without_row(engine, batch)
    except StorageUnavailable as error:
        yield str(error)


def _without_row(engine: Engine, batch: dict[UUID, FoundFile]) -> Iterator[str]:
    needed = select(attachments.c.id).where(attachments.c.id.in_(batch), attachments.c.deleted_at.is_(None))
    with reading(engine) as connection:
        existing = set(connection.execute(needed).scalars())
    for file_id in batch.keys() - existing:
        yield batch[file_id].place
