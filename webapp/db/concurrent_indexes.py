"""Indexes that a migration creates, replaces and drops while other processes write to the table.

On PostgreSQL, an index that is built in a transaction blocks all writes to its table until the commit. One that is
built `CONCURRENTLY` blocks none, but not in a transaction: what the migration did before is committed first, and a
migration that is interrupted starts again from its beginning. So each function can be repeated: it leaves what exists,
and builds again what an interrupted run has left invalid. A migration that calls them does nothing else that could not
be repeated.

A divided table gets the index of each partition in the same way. Behind a pooler, no limit can be lifted outside a
transaction, so indexes are built in one there, as on SQLite, which has one writer at a time anyway.
"""

import logging
from collections.abc import Sequence
from time import sleep
from typing import NamedTuple

from alembic import op
from sqlalchemy import Engine, text

from webapp.db.engine import is_pooled, is_sqlite
from webapp.db.partitions import is_divided

log = logging.getLogger(__name__)
LOCK_TIMEOUT = "3s"  # of a statement for which others would wait while it waits for a lock
_FOUND = text(
    """SELECT indisvalid AS valid, obj_description(indexrelid, 'pg_class') AS definition
       FROM pg_index WHERE indexrelid = to_regclass(:name)"""
)
_PARTITIONS_WITHOUT = text(
    """SELECT part.inhrelid::regclass::text FROM pg_inherits AS part
       WHERE part.inhparent = CAST(:table AS regclass) AND NOT EXISTS (
           SELECT FROM pg_inherits AS attached JOIN pg_index ON indexrelid = attached.inhrelid
           WHERE attached.inhparent = CAST(:name AS regclass) AND indrelid = part.inhrelid)
       ORDER BY 1"""
)
_ATTACHED = text(
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:name AS regclass) ORDER BY 1"
)
_BUILDERS = text(
    """SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE relation = CAST(:table AS regclass) AND mode = 'ShareUpdateExclusiveLock' AND granted
       AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
)
_PAUSE_SECONDS = 0.2


class _Index(NamedTuple):
    name: str
    table: str
    definition: str  # what follows the name of the table


def builds_concurrently(engine: Engine) -> bool:
    """Return whether indexes of this database are built outside transactions."""
    return not is_sqlite(engine) and not is_pooled(engine)


def create_index(name: str, table: str, columns: Sequence[str], *, where: str = "") -> None:
    """Create an index unless it exists; columns and condition are SQL."""
    _create(_Index(name, table, _definition(columns, where)))


def replace_index(name: str, table: str, columns: Sequence[str], *, where: str = "") -> None:
    """Give an index other columns or another condition; the former one is read until the new one is built."""
    definition = _definition(columns, where)
    if not builds_concurrently(op.get_bind().engine):
        drop_index(name, table)
        _create(_Index(name, table, definition))
        return
    found = op.get_bind().execute(_FOUND, {"name": name}).first()
    if found and found.valid and found.definition == definition:  # it was replaced before an interruption
        return
    new = f"{name}_new"
    _create(_Index(new, table, definition))
    drop_index(name, table)
    _describe(new, definition)
    for part in op.get_bind().execute(_ATTACHED, {"name": new}).scalars().all():
        if part.endswith(new):  # not one that came with a partition of the next months
            op.execute(f"ALTER INDEX {part} RENAME TO {part.removesuffix(new)}{name}")
    op.execute(f"ALTER INDEX {new} RENAME TO {name}")


def drop_index(name: str, table: str) -> None:
    """Drop an index if it exists. That of a divided table is dropped in a moment, but not concurrently."""
    connection = op.get_bind()
    if not builds_concurrently(connection.engine):
        op.execute(f"DROP INDEX IF EXISTS {name}")
    elif is_divided(connection, table):
        _in_autocommit(f"DROP INDEX IF EXISTS {name}")
    else:
        _await_other_builds(table)
        _concurrently(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _definition(columns: Sequence[str], where: str) -> str:
    return f"({', '.join(columns)})" + (f" WHERE {where}" if where else "")


def _create(index: _Index) -> None:
    connection = op.get_bind()
    if not builds_concurrently(connection.engine):
        _create_in_transaction(index)
    elif is_divided(connection, index.table):
        _create_on_partitions(index)
    else:
        _create_concurrently(index)


def _create_in_transaction(index: _Index) -> None:
    connection = op.get_bind()
    if not is_sqlite(connection.engine) and _is_left_valid(index):
        return
    op.execute(f"CREATE INDEX {index.name} ON {index.table} {index.definition}")


def _create_concurrently(index: _Index) -> None:
    _await_other_builds(index.table)
    if not _is_left_valid(index):
        _concurrently(f"CREATE INDEX CONCURRENTLY {index.name} ON {index.table} {index.definition}")


def _create_on_partitions(index: _Index) -> None:
    """Create the index of the whole table, which becomes valid when each partition has its own attached to it."""
    connection = op.get_bind()
    _in_autocommit(f"CREATE INDEX IF NOT EXISTS {index.name} ON ONLY {index.table} {index.definition}")
    places = {"table": index.table, "name": index.name}
    for partition in connection.execute(_PARTITIONS_WITHOUT, places).scalars().all():
        part = _Index(f"{partition}_{index.name}", partition, index.definition)
        _create_concurrently(part)
        _in_autocommit(f"ALTER INDEX {index.name} ATTACH PARTITION {part.name}")


def _is_left_valid(index: _Index) -> bool:
    """Return whether the index exists; drop it if an interrupted run has left it invalid."""
    found = op.get_bind().execute(_FOUND, {"name": index.name}).first()
    if found and not found.valid:
        drop_index(index.name, index.table)
    return bool(found and found.valid)


def _await_other_builds(table: str) -> None:
    """Wait until nobody builds an index of the table: the server goes on for a migration that was killed.

    By asking, outside a transaction, because a build waits for the end of each transaction that it finds reading.
    """
    with op.get_context().autocommit_block():
        if _is_being_indexed(table):
            log.warning("The server is still working on an index of %s for someone else. The upgrade waits.", table)
        while _is_being_indexed(table):
            sleep(_PAUSE_SECONDS)


def _is_being_indexed(table: str) -> bool:
    return op.get_bind().execute(_BUILDERS, {"table": table}).first() is not None


def _concurrently(statement: str) -> None:
    """Execute a statement that waits for the transactions of others, for as long as they take: nobody waits for it."""
    _in_autocommit("SET lock_timeout = 0", statement, f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def _in_autocommit(*statements: str) -> None:
    """Commit the transaction of the migration, and execute statements whose locks are released at once."""
    with op.get_context().autocommit_block():
        for statement in statements:
            op.execute(statement)


def _describe(name: str, definition: str) -> None:
    """Say in the index what it is, because the server would say it in other words."""
    literal = definition.replace("'", "''")
    op.execute(f"COMMENT ON INDEX {name} IS '{literal}'")
