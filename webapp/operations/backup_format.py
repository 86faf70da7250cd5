"""The format of a backup: a ZIP archive with a manifest, the rows of each table as JSON lines, and the files of jobs.

Rows are independent of the database, so a backup of SQLite can be restored to PostgreSQL and the other way round. The
first line of a table has the names of its columns, each further line one row. ``manifest.json`` is written last, so
an archive without it is incomplete.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import IO, Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import JSON, Column, LargeBinary, Table, Text, Uuid, cast

from webapp import schema
from webapp.schema.columns import UtcDateTime

FORMAT = 1
MANIFEST = "manifest.json"
FILES = "files/"  # the folder of the jobs' files
MANIFEST_LIMIT = 1024 * 1024  # bytes
LINE_LIMIT = 64 * 1024 * 1024  # bytes of a row, many times what texts and JSON values of a row can have
BATCH_ROWS, BATCH_BYTES = 1_000, 16 * 1024 * 1024
LEFT_OUT = frozenset({"sessions", "claimed_keys"})  # users sign in again, and triggers insert the keys with the jobs


class BadBackup(Exception):
    """Raised when a backup cannot be written, read or restored; the message says why and what to do."""


class Manifest(BaseModel, frozen=True):
    """What an archive holds."""

    format: int
    version: str  # of Deskjob
    revision: str  # of the tables
    made_at: datetime
    database: str  # "sqlite" or "postgresql"
    key: str  # distinguishes keys without revealing them
    rows: Mapping[str, int]  # by table
    files: int
    file_bytes: int
    missing_files: int  # files that have a row and were not on the disk
    with_files: bool


def key_mark(secret_key: str) -> str:
    """Return a mark that two installations share if they have the same secret key."""
    return blake2b(secret_key.encode(), digest_size=6, person=b"deskjob backup").hexdigest()


def backed_up_tables() -> list[Table]:
    """Return the tables of a backup, each one after those that its rows refer to."""
    return [table for table in schema.metadata.sorted_tables if table.name not in LEFT_OUT]


def rows_name(table: str) -> str:
    """Return the name of a table's rows in the archive."""
    return f"tables/{table}.jsonl"


def file_name(file_id: UUID) -> str:
    """Return the name of a job's file in the archive."""
    return f"{FILES}{file_id.hex}"


def selected(column: Column[Any]) -> Any:
    """Return what to select of a column: JSON as text, because NULL and a JSON null are both None in Python."""
    return cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column


def write_rows(file: IO[bytes], table: Table, rows: Iterable[Sequence[Any]]) -> int:
    """Write the rows of a table; return their number."""
    count = 0
    file.write(_line([column.name for column in table.columns]))
    for row in rows:
        file.write(_line([_plain(value) for value in row]))
        count += 1
    return count


def read_rows(file: IO[bytes], table: Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table; columns that the table does not have any more are left out.

    Raises `BadBackup` for a row that is longer than any that a backup has.
    """
    return (row for _bytes, row in _rows(file, table))


def read_batches(file: IO[bytes], table: Table) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table as `read_rows` does, as many at once as fit into a little memory."""
    batch, size = [], 0
    for length, row in _rows(file, table):
        batch.append(row)
        size += length
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rows(file: IO[bytes], table: Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row with the length of its line."""
    lines = _lines(file)
    names = json.loads(next(lines, b""))
    readers = [_reader(table.columns[name]) if name in table.columns else None for name in names]
    for line in lines:
        values = zip(names, readers, json.loads(line), strict=True)
        yield len(line), {name: None if value is None else reader(value) for name, reader, value in values if reader}


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LINE_LIMIT + 1):
        if len(line) > LINE_LIMIT:
            message = f"The backup is damaged or was changed: a row has more than {LINE_LIMIT // 1024**2} MiB."
            raise BadBackup(message)
        yield line


def _line(values: Sequence[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    return value


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat
    if isinstance(column.type, Uuid):
        return UUID
    if isinstance(column.type, LargeBinary):
        return b64decode
    if isinstance(column.type, JSON):
        return _json
    return lambda value: value


def _json(text: str) -> Any:
    value = json.loads(text)
    return JSON.NULL if value is None else value
