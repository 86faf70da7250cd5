"""Restore a backup into an empty installation: first the files, then all rows in one transaction."""

import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import JSON, Connection, Engine, Integer, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, IntegrityError

from webapp.db import revision
from webapp.db.engine import is_sqlite, lift_time_limit, reading, writing
from webapp.db.partitions import PartitionMonth, add_month
from webapp.jobs.maintenance.month_partitions import FIRST_REVISION, TABLES, divide_by_month, months_of_jobs
from webapp.jobs.store.file_store import FileStore
from webapp.operations.backup import Progress
from webapp.operations.backup_format import (
    FILES,
    FORMAT,
    MANIFEST,
    MANIFEST_LIMIT,
    BadBackup,
    Manifest,
    backed_up_tables,
    file_name,
    key_mark,
    read_batches,
    read_rows,
    rows_name,
)
from webapp.schema import attachments, audit, database_time, jobs, users
from webapp.services import Services

_CHUNK = 1024 * 1024
_MOST_MONTHS = 120  # with partitions of their own
_REASON = 200  # characters
# what entries and rows raise that `back_up` never writes
_UNUSUAL = (KeyError, ValueError, TypeError, AttributeError, RuntimeError, IntegrityError, DataError)
_RESTORE_NEXT_KEY = update(jobs).where(jobs.c.id == bindparam("waiting")).values(next_key=bindparam("key"))
_NULL_OR_JSON = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was restored; ``missing_files`` have a row, but are not in the archive."""

    manifest: Manifest
    files: int
    missing_files: int


def restore(services: Services, source: Path, *, progress: Progress = lambda _: None) -> Restored:
    """Restore the archive ``source``; the tables get the newest revision.

    Raises `BadBackup` if the archive cannot be used, if it is newer than this program, if its secrets need another
    secret key, or if the installation is not empty. Rows are written whole or not at all; files of a failed attempt
    have no rows, so maintenance removes them.
    """
    with _opened(source) as archive:
        manifest = _manifest(archive, source)
        _refuse_unusable(manifest, services)
        _refuse_used(services)
        if services.files.folder:
            _refuse_too_large(archive, services.files.folder)
        revision.upgrade(services.engine, manifest.revision)
        _make_partitions(services, archive, manifest)
        files = _restore_files(services.files, archive, progress)
        _restore_rows(services.engine, archive, manifest, progress)
        revision.upgrade(services.engine)
    return Restored(manifest=manifest, files=sum(files.values()), missing_files=len(files) - sum(files.values()))


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except FileNotFoundError:
        raise BadBackup(f"There is no file {source}.") from None
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise BadBackup(f"{source} is damaged or no backup: {error}.") from None
    except _UNUSUAL as error:
        reason = str(error).splitlines()[0][:_REASON] if str(error) else type(error).__name__
        raise BadBackup(f"{source} is damaged or was changed: {reason}.") from error


def _manifest(archive: zipfile.ZipFile, source: Path) -> Manifest:
    try:
        with _entry(archive, MANIFEST) as file:
            manifest = Manifest.model_validate_json(file.read(MANIFEST_LIMIT))
    except (KeyError, ValidationError):
        raise BadBackup(f"{source} is no backup of Deskjob, or it is incomplete.") from None
    if manifest.format != FORMAT:
        raise BadBackup(f"{source} was made by a newer version of Deskjob ({manifest.version}). Use that version.")
    return manifest


def _refuse_unusable(manifest: Manifest, services: Services) -> None:
    if revision.is_newer(manifest.revision):
        message = f"The backup was made by a newer version of Deskjob ({manifest.version}). Use that version."
        raise BadBackup(message)
    if manifest.key != key_mark(services.secret_key):
        message = (
            "The backup belongs to another secret key, without which its secrets cannot be read. Set "
            "DESKJOB_SECRET_KEY to the key of that installation, or put its file secret_key into DESKJOB_DATA_DIR."
        )
        raise BadBackup(message)


def _refuse_used(services: Services) -> None:
    if revision.database_revision(services.engine) is None:
        return
    with services.engine.connect() as connection:
        used = any(_count(connection, table) for table in (users, jobs, audit))
    if used:
        message = (
            "This installation is in use already: it has users, jobs or an audit log. "
            "Restore into an empty database and an empty data folder."
        )
        raise BadBackup(message)


def _refuse_too_large(archive: zipfile.ZipFile, folder: Path) -> None:
    """Refuse files for which there is no space. No entry is unpacked further than the size that is added up here."""
    size = sum(entry.file_size for entry in archive.infolist() if entry.filename.startswith(FILES))
    free = shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free
    if size > free:
        message = f"The files of the backup need {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free in {folder}."
        raise BadBackup(message)


@contextmanager
def _entry(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open an entry; how it was compressed must allow to unpack it piece by piece, as that of a backup does."""
    entry = archive.getinfo(name)
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadBackup(f"The backup is damaged or was changed: {name} is compressed in another way.")
    with archive.open(entry) as packed, BufferedReader(cast(Any, packed), _CHUNK) as file:
        yield file


def _restore_files(files: FileStore, archive: zipfile.ZipFile, progress: Progress) -> Mapping[UUID, bool]:
    """Copy the files into the store and compare their SHA-256; return which files of the rows were in the archive."""
    contained = set(archive.namelist())
    found: dict[UUID, bool] = {}
    with _entry(archive, rows_name(attachments.name)) as lines:
        for row in read_rows(lines, attachments):
            if row["deleted_at"] is None:
                file_id: UUID = row["id"]
                found[file_id] = file_name(file_id) in contained
                if found[file_id]:
                    progress(f"file {len(found):,}")
                    _restore_file(files, archive, file_id, row["sha256"], row["size"])
    return found


def _restore_file(files: FileStore, archive: zipfile.ZipFile, file_id: UUID, expected: str, size: int) -> None:
    name = file_name(file_id)
    if archive.getinfo(name).file_size != size:  # before the disk is full of it; it is never unpacked further than this
        raise BadBackup(f"The backup is damaged: the file {file_id} has another size than its row.")
    with _entry(archive, name) as source, files.new_file(file_id=file_id) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
        if target.sha256 != expected:
            raise BadBackup(f"The backup is damaged: the file {file_id} has another SHA-256 than its row.")
        target.keep(file_id.hex)


def _make_partitions(services: Services, archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Make partitions for the months of the jobs in the archive, if the tables have partitions or shall have some."""
    if is_sqlite(services.engine):
        if services.settings.database_partitions:
            message = "DESKJOB_DATABASE_PARTITIONS needs PostgreSQL: SQLite has no partitions. Unset it."
            raise BadBackup(message)
        return
    with reading(services.engine) as connection:
        known = months_of_jobs(connection)
    if not known and not services.settings.database_partitions:
        return
    if manifest.revision < FIRST_REVISION:
        message = (
            f"The backup was made by an older version of Deskjob ({manifest.version}), whose tables cannot have "
            "partitions. Restore it into another database without DESKJOB_DATABASE_PARTITIONS, make a backup of that "
            "one, and restore this backup."
        )
        raise BadBackup(message)
    with _entry(archive, rows_name(jobs.name)) as lines:
        months = {PartitionMonth.of_id(row["id"]) for row in read_rows(lines, jobs)}
    with writing(services.engine) as connection:
        current = PartitionMonth.of(database_time(connection))
        past = sorted(month for month in months if month < current)[-_MOST_MONTHS:]  # others go into the default
        if not known:
            divide_by_month(connection, past)
        for month in past:
            if known and month not in known:
                add_month(connection, TABLES, month)


def _restore_rows(engine: Engine, archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> None:
    tables = [table for table in backed_up_tables() if table.name in manifest.rows]
    with engine.connect() as connection, connection.begin():
        lift_time_limit(connection)
        for table in tables:
            progress(table.name)
            _load(connection, archive, table)
        for table in tables:  # triggers may have added rows to tables that were filled before
            if _count(connection, table) != manifest.rows[table.name]:
                _load(connection, archive, table)
            _continue_numbering(connection, table)
        wrong = [table.name for table in tables if _count(connection, table) != manifest.rows[table.name]]
        if wrong:
            raise BadBackup(f"The backup is damaged: rows are missing in {', '.join(wrong)}.")


def _load(connection: Connection, archive: zipfile.ZipFile, table: Table) -> None:
    """Replace the rows of a table, which migrations and triggers may have filled, with those of the archive.

    The keys for which jobs wait are restored last: a waiting job reserves its key, and the holder may follow it.
    """
    if _count(connection, table):
        connection.execute(delete(table))
    waiting: list[dict[str, Any]] = []
    with _entry(archive, rows_name(table.name)) as file:
        for batch in read_batches(file, table):
            if table is jobs:
                waiting += [_without_next_key(row) for row in batch if row.get("next_key") is not None]
            connection.execute(_insert(table, batch[0]), batch)
    if waiting:
        connection.execute(_RESTORE_NEXT_KEY, waiting)


def _without_next_key(row: dict[str, Any]) -> dict[str, Any]:
    """Take the key for which a job waits out of its row; return what `_RESTORE_NEXT_KEY` needs to write it."""
    waiting = {"waiting": row["id"], "key": row["next_key"]}
    row["next_key"] = None
    return waiting


def _insert(table: Table, row: Mapping[str, Any]) -> Any:
    # JSON values must distinguish NULL from a JSON null
    types = {name: table.columns[name].type for name in row}
    bound = {name: _NULL_OR_JSON if isinstance(kind, JSON) else kind for name, kind in types.items()}
    return insert(table).values({name: bindparam(name, type_=kind) for name, kind in bound.items()})


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _continue_numbering(connection: Connection, table: Table) -> None:
    """Continue generated ids after the restored ones."""
    key = next(iter(table.primary_key.columns))
    if is_sqlite(connection.engine) or len(table.primary_key.columns) > 1 or not isinstance(key.type, Integer):
        return
    sequence = func.pg_get_serial_sequence(table.name, key.name)
    if connection.execute(select(sequence)).scalar():
        newest = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
        connection.execute(select(func.setval(sequence, newest, False)))  # noqa: FBT003  (an SQL argument)
