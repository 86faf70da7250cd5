"""Alembic's environment: migrates the database of an engine, for `webapp.db.revision`.

Filling a table can take long. But a statement that waits for a lock would let other processes wait behind it.
"""

from typing import Any

from alembic import context
from sqlalchemy import Connection

from webapp import schema
from webapp.db.concurrent_indexes import LOCK_TIMEOUT, builds_concurrently
from webapp.db.engine import is_sqlite, lift_time_limit, unlimited_session
from webapp.db.partitions import TableLayout
from webapp.db.sqlite_file import create_file

engine = context.config.attributes["engine"]


def configure(connection: Connection, *, transaction_per_migration: bool) -> None:
    """Say what to migrate, and what to compare with the schema."""
    layout = TableLayout.of(connection)
    connection.rollback()

    def is_compared(item: Any, name: str | None, kind: str, is_reflected: bool, _other: object) -> bool:  # noqa: FBT001
        """Return whether the comparison with the schema is about an item: some are of one database or layout alone."""
        if kind == "foreign_key_constraint":
            return not layout.explains_foreign_key(item.table.name, item.elements[0].target_fullname.partition(".")[0])
        if kind != "index":
            return True
        if is_reflected:
            return not layout.explains_index(item.table.name, name)
        return not item._ddl_if or bool(item._ddl_if.dialect == engine.dialect.name)  # noqa: SLF001

    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        render_as_batch=is_sqlite(engine),
        compare_type=True,
        include_name=lambda name, kind, _parents: kind != "table" or name not in layout.partitions,
        include_object=is_compared,
        transaction_per_migration=transaction_per_migration,
    )


def migrate_one_by_one() -> None:
    """Commit each migration, because those that build indexes outside transactions commit all that came before."""
    with unlimited_session(engine) as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.commit()
        configure(connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


def migrate_at_once() -> None:
    """Run all migrations in one transaction."""
    with engine.connect() as connection:
        configure(connection, transaction_per_migration=False)
        with context.begin_transaction():
            lift_time_limit(connection)
            if not is_sqlite(engine):
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            context.run_migrations()
        connection.commit()


create_file(engine)
if builds_concurrently(engine):
    migrate_one_by_one()
else:
    migrate_at_once()
