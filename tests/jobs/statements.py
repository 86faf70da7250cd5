"""The statements that are sent to the database: record them, explain them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import RawCursor
from sqlalchemy import Engine, event

from webapp.db.engine import is_sqlite

Sent = list[tuple[str, Any]]


@contextmanager
def recorded(engine: Engine) -> Iterator[Sent]:
    """Collect each statement with its parameters while the block runs."""
    sent: Sent = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", keep)


def plan_of(engine: Engine, statement: str, parameters: Any, *, as_if_large: bool = False) -> str:
    """Return the plan as text; ``as_if_large`` prevents PostgreSQL from scanning tiny tables."""
    with engine.connect() as connection:
        if is_sqlite(engine):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            return "\n".join(row.detail for row in rows)
        if as_if_large:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        if "$1" in statement:  # of a prepared statement that is too long for psycopg to remember
            cursor = RawCursor(connection.connection.dbapi_connection)
            return "\n".join(line for (line,) in cursor.execute(f"EXPLAIN {statement}", parameters))
        return "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())


def analyze(engine: Engine, table: str) -> None:
    """Update PostgreSQL's statistics of a table; SQLite needs none."""
    if not is_sqlite(engine):
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"ANALYZE {table}")


def indexes_in(plan: str) -> set[str]:
    """Return the names of the indexes of tables that a plan uses."""
    return set(re.findall(r"\b(?:ix|uq)_\w+", plan))
