"""What an installation stands on: its database, its Redis, its disk; read afresh each time."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis import Redis, RedisError
from sqlalchemy import Engine, func, select, text

from webapp.db.engine import is_sqlite, reading
from webapp.schema import attachments

_MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInfo:
    """A database; ``pending`` are the migrations that it lacks, oldest first."""

    kind: str
    version: str
    bytes: int
    revision: str
    head: str
    pending: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisInfo:
    """A Redis or Valkey; ``most_bytes`` is 0 where nothing limits it."""

    kind: str
    version: str
    bytes: int
    most_bytes: int
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskInfo:
    """Where the files are: what ours take by their rows, and what the disk has in all and free."""

    files: int
    bytes: int
    total: int
    free: int


def inspect_database(engine: Engine) -> DatabaseInfo:
    """Ask the database what it is and how large."""
    with reading(engine) as connection:
        version = connection.execute(text(_VERSION[engine.dialect.name])).scalar_one()
        size = connection.execute(text(_SIZE[engine.dialect.name])).scalar_one()
        revision = MigrationContext.configure(connection).get_current_revision() or ""
    script = ScriptDirectory(str(_MIGRATIONS))
    head = script.get_current_head() or ""
    return DatabaseInfo(
        kind="SQLite" if is_sqlite(engine) else "PostgreSQL",
        version=str(version).split(" ", 1)[0],
        bytes=int(size),
        revision=revision,
        head=head,
        pending=_pending(script, head, revision),
    )


def inspect_redis(connection: Redis) -> RedisInfo | None:
    """Ask Redis what it is and how full; ``None`` when it is away."""
    try:
        told: Mapping[str, Any] = {**connection.info("server"), **connection.info("memory")}
        keys = connection.dbsize()
    except RedisError:
        return None
    is_valkey = told.get("server_name") == "valkey"
    return RedisInfo(
        kind="Valkey" if is_valkey else "Redis",
        version=str(told.get("valkey_version" if is_valkey else "redis_version", "")),
        bytes=int(told.get("used_memory", 0)),
        most_bytes=int(told.get("maxmemory", 0)),
        keys=int(keys),
    )


def inspect_disk(engine: Engine, folder: Path) -> DiskInfo | None:
    """Measure what the files take; ``None`` while their folder is not there."""
    ours = select(func.count(), func.coalesce(func.sum(attachments.c.size), 0)).where(
        attachments.c.deleted_at.is_(None)
    )
    with reading(engine) as connection:
        count, size = connection.execute(ours).one()
    try:
        whole = shutil.disk_usage(folder)
    except OSError:
        return None
    return DiskInfo(files=count, bytes=int(size), total=whole.total, free=whole.free)


_VERSION = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def _pending(script: ScriptDirectory, head: str, revision: str) -> tuple[str, ...]:
    known = {found.revision for found in script.walk_revisions()}
    if revision and revision not in known:  # a newer program has been here
        return ()
    missing = [found.revision for found in script.iterate_revisions(head, revision or None)]
    return tuple(reversed(missing))
