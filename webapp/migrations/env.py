"""Alembic's environment: migrates the database of an engine, for `webapp.db.revision`."""

from typing import Any

from alembic import context

from webapp import schema
from webapp.db.engine import lift_time_limit
from webapp.db.partitions import TableLayout
from webapp.db.sqlite_file import create_file

engine = context.config.attributes["engine"]


create_file(engine)
with engine.connect() as connection:
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
        render_as_batch=engine.dialect.name == "sqlite",
        compare_type=True,
        include_name=lambda name, kind, _parents: kind != "table" or name not in layout.partitions,
        include_object=is_compared,
    )
    with context.begin_transaction():
        lift_time_limit(connection)  # filling a table can take long
        if engine.dialect.name == "postgresql":  # but waiting for a lock would block other processes behind it
            connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
        context.run_migrations()
    connection.commit()
