"""Move the files of an installation between a folder and a bucket while it runs.

Running processes know two places, `DESKJOB_STORAGE_URL` and `DESKJOB_STORAGE_URL_OLD`. They write to the first and read
both. A file that is moved is copied, read back, compared with the SHA-256 of its row, and only then deleted in the old
place. So a move can be killed at any point and started again, and a job that writes or reads meanwhile loses nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial
from hashlib import sha256
from time import time
from uuid import UUID

from sqlalchemy import Engine, func, select

from webapp.config import Settings
from webapp.db.engine import reading
from webapp.fault_injection import faultpoint
from webapp.jobs.files.configured_files import files_at
from webapp.jobs.files.two_places import FilesInTwoPlaces
from webapp.jobs.store.file_store import FileStore
from webapp.schema import attachments
from webapp.services import Services

_BATCH = 200
_AT_ONCE = 4  # files
_CHUNK = 1024 * 1024
_PATIENCE_SECONDS = 60.0  # for a storage that is away


class BadMove(Exception):
    """Raised when files cannot be moved; the message says what to do."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a move is; sizes are in bytes."""

    files: int = 0
    bytes: int = 0
    all_files: int = 0
    all_bytes: int = 0


@dataclass(slots=True, kw_only=True)
class MoveReport:
    """What a move did. ``damaged`` and ``missing`` files have a sentence each and were left where they are."""

    moved: int = 0
    moved_bytes: int = 0
    already_there: int = 0
    problems: list[str]
    without_row: int = 0
    keeps_originals: bool = False


class _Outcome(Enum):
    MOVED, ALREADY_THERE, DELETED_MEANWHILE, MISSING, DAMAGED = range(5)


_PROBLEMS = {
    _Outcome.MISSING: "is in neither place",
    _Outcome.DAMAGED: "does not match its SHA-256, and was left where it is",
}


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    job_id: UUID
    name: str
    size: int
    sha256: str


def move_files(services: Services, target: str, *, show: Callable[[Progress], None] = lambda _: None) -> MoveReport:
    """Move all files to a folder or a bucket; raise `BadMove` or `StorageUnavailable`.

    If the running processes do not use ``target`` yet, the files are copied and the originals kept; once they do, a
    second move brings what was written meanwhile and deletes the originals.
    """
    settings, engine = services.settings, services.engine
    target = target.rstrip("/") or target
    is_used = target == settings.storage
    new, old = _places(settings, services.files, target, is_used=is_used)
    for store in (new, old):
        store.retry_for(_PATIENCE_SECONDS)
    new.check()
    report, progress = MoveReport(problems=[], keeps_originals=not is_used), _progress(engine)
    move = partial(_move, engine, old, new, keeps_original=not is_used)
    with ThreadPoolExecutor(_AT_ONCE, "move") as threads:
        for rows in _batches(engine):
            for row, outcome in zip(rows, threads.map(move, rows), strict=True):
                _count(report, row, outcome)
                progress.files += 1
                progress.bytes += row.size
            show(progress)
    if is_used:
        report.without_row = sum(1 for _ in old.files(timedelta.min, time()))
    return report


def _places(settings: Settings, files: FileStore, target: str, *, is_used: bool) -> tuple[FileStore, FileStore]:
    """Return where files go, and where they are now."""
    if not is_used:
        if target == settings.storage_url_old:
            message = (
                f"New files are written to {settings.storage}. Exchange DESKJOB_STORAGE_URL and "
                "DESKJOB_STORAGE_URL_OLD, restart all processes, then move."
            )
            raise BadMove(message)
        return files_at(settings, target), files
    if not isinstance(files, FilesInTwoPlaces):
        message = f"All files are in {target} already. Set DESKJOB_STORAGE_URL_OLD to the place from which to move."
        raise BadMove(message)
    return files.new, files.old


def _move(engine: Engine, old: FileStore, new: FileStore, row: _Row, *, keeps_original: bool) -> _Outcome:
    if keeps_original:
        if _size(new, row.id) == row.size:
            return _Outcome.ALREADY_THERE
    elif not old.has(row.id):
        return _Outcome.ALREADY_THERE if new.has(row.id) else _absent(engine, row)
    if _digest(new, row.id) != row.sha256:  # of a move that was killed before it deleted the original, it is right
        try:
            copied = _copy(old, new, row)
        except FileNotFoundError:
            return _absent(engine, row)
        faultpoint("files.copied")
        if not copied or _digest(new, row.id) != row.sha256:
            new.remove(row.id)
            return _Outcome.DAMAGED
    if not _has_row(engine, row.id):
        new.remove(row.id)
        return _Outcome.DELETED_MEANWHILE
    if not keeps_original:
        old.remove(row.id)
        faultpoint("files.moved")
    return _Outcome.MOVED


def _copy(old: FileStore, new: FileStore, row: _Row) -> bool:
    """Copy a file; return whether it is what its row says. Otherwise there is no copy."""
    with old.open(row.id) as source, new.new_file(file_id=row.id) as copy:
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
        if (copy.size, copy.sha256) != (row.size, row.sha256):
            return False
        copy.keep(row.name)
        return True


def _digest(files: FileStore, file_id: UUID) -> str:
    """Return the SHA-256 of a stored file in hex; empty if there is none."""
    digest = sha256()
    try:
        with files.open(file_id) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def _size(files: FileStore, file_id: UUID) -> int | None:
    try:
        with files.open(file_id) as file:
            return file.seek(0, 2)
    except FileNotFoundError:
        return None


def _absent(engine: Engine, row: _Row) -> _Outcome:
    return _Outcome.MISSING if _has_row(engine, row.id) else _Outcome.DELETED_MEANWHILE


def _count(report: MoveReport, row: _Row, outcome: _Outcome) -> None:
    match outcome:
        case _Outcome.MOVED:
            report.moved += 1
            report.moved_bytes += row.size
        case _Outcome.ALREADY_THERE:
            report.already_there += 1
        case _Outcome.MISSING | _Outcome.DAMAGED:
            report.problems.append(f"{row.name} of job {row.job_id} {_PROBLEMS[outcome]}.")


def _progress(engine: Engine) -> Progress:
    columns = (func.count(), func.coalesce(func.sum(attachments.c.size), 0))
    with reading(engine) as connection:
        count, size = connection.execute(select(*columns).where(attachments.c.deleted_at.is_(None))).one()
    return Progress(all_files=count, all_bytes=int(size))


def _batches(engine: Engine) -> Iterator[Sequence[_Row]]:
    """Yield the rows of all files, in the order in which they were made; those that are added meanwhile come last."""
    columns = (attachments.c[name] for name in ("id", "job_id", "name", "size", "sha256"))
    statement = select(*columns).where(attachments.c.deleted_at.is_(None)).order_by(attachments.c.id).limit(_BATCH)
    last = UUID(int=0)
    while True:
        with reading(engine) as connection:
            rows = [_Row(*row) for row in connection.execute(statement.where(attachments.c.id > last))]
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _has_row(engine: Engine, file_id: UUID) -> bool:
    row = select(attachments.c.id).where(attachments.c.id == file_id, attachments.c.deleted_at.is_(None))
    with reading(engine) as connection:
        return connection.execute(row).first() is not None
