"""Back up an installation while it runs: one consistent snapshot of the rows, then the files that the rows name."""

import os
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Table, select

from webapp.db.engine import is_sqlite, lift_time_limit, read_only
from webapp.db.revision import database_revision
from webapp.jobs.store.file_store import FileStore
from webapp.operations.backup_format import (
    FORMAT,
    MANIFEST,
    BadBackup,
    Manifest,
    backed_up_tables,
    file_name,
    key_mark,
    rows_name,
    selected,
    write_rows,
)
from webapp.private_files import private_opener
from webapp.schema import attachments
from webapp.services import Services
from webapp.version import version

Progress = Callable[[str], None]
_ROWS = 2_000  # at once
_CHUNK = 1024 * 1024


def back_up(
    services: Services, target: Path, *, with_files: bool = True, progress: Progress = lambda _: None
) -> Manifest:
    """Write a backup to ``target``, whole or not at all, readable by its owner only.

    It has no secret key. ``progress`` is called with what is being written. Raises `BadBackup` if the
    file exists or cannot be written.
    """
    if target.exists():
        raise BadBackup(f"{target} exists already. Choose another name.")
    draft = target.with_name(f".{target.name}.part")
    try:
        manifest = _write(services, draft, with_files=with_files, progress=progress)
        os.link(draft, target)  # fails if somebody else has created it meanwhile
    except OSError as error:
        raise BadBackup(f"{target} cannot be written: {error.strerror or error}.") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return manifest


def write_key(secret_key: str, target: Path) -> None:
    """Write the secret key to a new file that only its owner can read; raise `BadBackup` if that is not possible."""
    try:
        with open(target, "x", encoding="utf-8", opener=private_opener) as file:
            file.write(secret_key)
    except FileExistsError:
        raise BadBackup(f"{target} exists already. Choose another name.") from None
    except OSError as error:
        raise BadBackup(f"{target} cannot be written: {error.strerror}.") from None


def _write(services: Services, draft: Path, *, with_files: bool, progress: Progress) -> Manifest:
    revision = database_revision(services.engine)
    with open(draft, "wb", opener=private_opener) as raw, zipfile.ZipFile(raw, "w", allowZip64=True) as archive:
        rows, named = _write_tables(services.engine, archive, progress)
        copied = _copy_files(services.files, archive, named if with_files else {}, progress)
        manifest = Manifest(
            format=FORMAT,
            version=version(),
            revision=revision or "",
            made_at=datetime.now(UTC),
            database=services.engine.dialect.name,
            key=key_mark(services.secret_key),
            rows=rows,
            files=len(named),
            file_bytes=sum(named.values()),
            missing_files=len(named) - copied if with_files else 0,
            with_files=with_files,
        )
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=2))
        archive.close()
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def _write_tables(
    engine: Engine, archive: zipfile.ZipFile, progress: Progress
) -> tuple[dict[str, int], Mapping[UUID, int]]:
    """Write all rows as they were at one moment; return their number by table, and the files that they name."""
    counts: dict[str, int] = {}
    with _snapshot(engine) as connection:
        for table in backed_up_tables():
            progress(table.name)
            entry = zipfile.ZipInfo(rows_name(table.name))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                counts[table.name] = write_rows(file, table, _rows(connection, table))
        kept = select(attachments.c.id, attachments.c.size).where(attachments.c.deleted_at.is_(None))
        named = {row.id: row.size for row in connection.execute(kept)}
    return counts, named


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    # by primary key, so that a job comes after its root
    statement = select(*map(selected, table.columns)).order_by(*table.primary_key.columns)
    yield from connection.execution_options(yield_per=_ROWS).execute(statement)


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Open a connection whose reads all see the database as it was at the first one; writers are not held up."""
    reader = read_only(engine)
    try:
        isolation = {"lone_statements": True} if is_sqlite(engine) else {"isolation_level": "REPEATABLE READ"}
        with reader.connect().execution_options(**isolation) as connection:
            if is_sqlite(engine):
                connection.exec_driver_sql("BEGIN")
                try:
                    yield connection
                finally:
                    connection.exec_driver_sql("ROLLBACK")
            else:
                lift_time_limit(connection)
                yield connection
    finally:
        reader.dispose()


def _copy_files(files: FileStore, archive: zipfile.ZipFile, named: Mapping[UUID, int], progress: Progress) -> int:
    """Copy the files into the archive and return how many there were; maintenance may have deleted some meanwhile."""
    copied = 0
    for number, file_id in enumerate(named, 1):
        if number % 100 == 1:
            progress(f"file {number:,} of {len(named):,}")
        with suppress(FileNotFoundError), files.open(file_id) as source:
            with archive.open(zipfile.ZipInfo(file_name(file_id)), "w", force_zip64=True) as target:
                copyfileobj(source, target, _CHUNK)
            copied += 1
    return copied
