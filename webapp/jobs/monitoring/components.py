"""The database, the Redis server and the disk of an installation, read at each call."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis, RedisError
from sqlalchemy import Connection, Engine, func, select, text

from webapp.db.engine import is_sqlite, reading
from webapp.db.revision import database_revision, pending, revisions
from webapp.schema import attachments


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInfo:
    """The database; ``pending`` has the migrations that it lacks, oldest first."""

    kind: str
    version: str
    bytes: int
    revision: str
    head: str
    pending: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisInfo:
    """The Redis or Valkey server; ``max_bytes`` is 0 without a memory limit."""

    kind: str
    version: str
    bytes: int
    max_bytes: int
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskInfo:
    """The disk of the files: their number and size by their rows, and the total and free bytes of the disk."""

    files: int
    bytes: int
    total: int
    free: int


def inspect_database(engine: Engine) -> DatabaseInfo:
    """Return the kind, version, size and migrations of the database."""
    with reading(engine) as connection:
        version = connection.execute(text(_VERSION[engine.dialect.name])).scalar_one()
        size = database_size(connection)
    revision = database_revision(engine) or ""
    return DatabaseInfo(
        kind="SQLite" if is_sqlite(engine) else "PostgreSQL",
        version=str(version).split(" ", 1)[0],
        bytes=size,
        revision=revision,
        head=revisions()[-1],
        pending=pending(revision),
    )


def database_size(connection: Connection) -> int:
    """Return the size of the database in bytes."""
    return int(connection.execute(text(_SIZE[connection.engine.dialect.name])).scalar_one())


def inspect_redis(connection: Redis) -> RedisInfo | None:
    """Return the kind, version and memory of Redis; ``None`` if it does not answer."""
    try:
        info: Mapping[str, Any] = {**connection.info("server"), **connection.info("memory")}
        keys = connection.dbsize()
    except RedisError:
        return None
    is_valkey = info.get("server_name") == "valkey"
    return RedisInfo(
        kind="Valkey" if is_valkey else "Redis",
        version=str(info.get("valkey_version" if is_valkey else "redis_version", "")),
        bytes=int(info.get("used_memory", 0)),
        max_bytes=int(info.get("maxmemory", 0)),
        keys=int(keys),
    )


def inspect_disk(engine: Engine, folder: Path) -> DiskInfo | None:
    """Measure the files and their disk; ``None`` while the folder does not exist."""
    totals = select(func.count(), func.coalesce(func.sum(attachments.c.size), 0)).where(
        attachments.c.deleted_at.is_(None)
    )
    with reading(engine) as connection:
        count, size = connection.execute(totals).one()
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return DiskInfo(files=count, bytes=int(size), total=usage.total, free=usage.free)


_VERSION = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}
