"""Encrypts stored secrets with the current key again, after the key of the installation was replaced.

Every JSON column of every table is searched, so a new table with secrets is included. A row is locked while it is
changed, and each batch is a transaction: what was interrupted continues with the rows that are left.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    cast,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import SECRET, Vault, is_secret
from webapp.schema import metadata

BATCH = 200
Report = Callable[[int], None]


def encrypt_again(
    engine: Engine,
    vault: Vault,
    report: Report = lambda _done: None,
    *,
    is_enough: Callable[[int], bool] = lambda _done: False,
) -> int:
    """Encrypt everything with the current key that has an older one; return how many rows were changed.

    ``report`` gets that number after each batch, and ``is_enough`` says whether to end after it. What no key can
    decrypt stays as it is.
    """
    changed = 0
    for table in _tables():
        after: tuple[Any, ...] | None = None
        while True:
            with writing(engine) as connection:
                rows = _rows(connection, table, after, lock=True)
                for row in rows:
                    changed += _encrypt_row(connection, table, row, vault)
            if not rows:
                break
            after = tuple(rows[-1][column.key] for column in table.primary_key)
            report(changed)
            if is_enough(changed):
                return changed
    return changed


def count_outdated(engine: Engine, vault: Vault) -> tuple[int, int]:
    """Count the rows with a secret that needs an old key, and those with one that no key can decrypt."""
    old = lost = 0
    with reading(engine) as connection:
        for table in _tables():
            after: tuple[Any, ...] | None = None
            while rows := _rows(connection, table, after):
                for row in rows:
                    states = {vault.state_of(secret) for secret in _secrets([row[name] for name in _names(table)])}
                    old += "old" in states
                    lost += "unreadable" in states
                after = tuple(rows[-1][column.key] for column in table.primary_key)
    return old, lost


def _tables() -> Iterator[Table]:
    return (table for table in metadata.sorted_tables if _columns(table))


def _columns(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if isinstance(column.type, JSON)]


def _names(table: Table) -> list[str]:
    return [column.key for column in _columns(table)]


def _rows(
    connection: Connection, table: Table, after: tuple[Any, ...] | None, *, lock: bool = False
) -> list[Mapping[str, Any]]:
    """Return the next rows that have a secret, in the order of their primary key."""
    key = list(table.primary_key)
    has_secret: list[ColumnElement[bool]] = [cast(column, Text).contains(SECRET) for column in _columns(table)]
    query = select(*key, *_columns(table)).where(or_(*has_secret)).order_by(*key).limit(BATCH)
    if after is not None:
        last = (literal(value, column.type) for column, value in zip(key, after, strict=True))
        query = query.where(tuple_(*key) > tuple_(*last))
    found = connection.execute(query.with_for_update() if lock else query).mappings()
    return [dict(row) for row in found]


def _encrypt_row(connection: Connection, table: Table, row: Mapping[str, Any], vault: Vault) -> int:
    values = {name: again for name in _names(table) if (again := _again(row[name], vault)) != row[name]}
    if values:
        same = [column == row[column.key] for column in table.primary_key]
        connection.execute(update(table).where(*same).values(**values))
    return bool(values)


def _again(value: Any, vault: Vault) -> Any:
    if is_secret(value):
        return vault.renewed(value)
    if isinstance(value, Mapping):
        return {name: _again(item, vault) for name, item in value.items()}
    return [_again(item, vault) for item in value] if isinstance(value, list) else value


def _secrets(value: Any) -> Iterator[Mapping[str, str]]:
    if is_secret(value):
        yield value
        return
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in items:
        yield from _secrets(item)
