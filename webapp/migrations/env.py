"""Alembic's environment: migrates the database of an engine, for `webapp.db.revision`."""

from typing import Any

from alembic import context

from webapp import schema
from webapp.db.engine import lift_time_limit
from webapp.db.sqlite_file import create_file

engine = context.config.attributes["engine"]


def exists_here(item: Any, _name: str | None, kind: str, is_reflected: bool, _other: object) -> bool:  # noqa: FBT001
    """Return whether the comparison with the schema is about an item: some indexes are PostgreSQL's alone."""
    is_for_one = kind == "index" and not is_reflected and item._ddl_if  # noqa: SLF001
    return not is_for_one or item._ddl_if.dialect == engine.dialect.name  # noqa: SLF001


create_file(engine)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        render_as_batch=engine.dialect.name == "sqlite",
        compare_type=True,
        include_object=exists_here,
    )
    with context.begin_transaction():
        lift_time_limit(connection)  # filling a table can take long
        if engine.dialect.name == "postgresql":  # but waiting for a lock would block other processes behind it
            connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
        context.run_migrations()
    connection.commit()
