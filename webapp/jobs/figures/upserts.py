"""Adding to sums that may be there already."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from webapp.database import is_sqlite


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], changes: Mapping[str, str] | None = None
) -> None:
    """Insert rows; where the key is there, change its columns: ``add``, ``replace``, or nothing at all."""
    if not rows:
        return
    dialect = sqlite if is_sqlite(connection.engine) else postgresql
    statement = dialect.insert(table)
    new = statement.excluded
    keys = list(table.primary_key.columns)
    if not changes:
        connection.execute(statement.on_conflict_do_nothing(index_elements=keys), list(rows))
        return
    values: dict[str, ColumnElement[Any]] = {
        name: table.c[name] + new[name] if how == "add" else new[name] for name, how in changes.items()
    }
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))
