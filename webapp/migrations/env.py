"""Alembic's environment: migrates the database of an engine, for `webapp.db.revision`."""

from alembic import context

from webapp import schema
from webapp.db.engine import lift_time_limit
from webapp.db.sqlite_file import create_file

engine = context.config.attributes["engine"]
create_file(engine)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        render_as_batch=engine.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        lift_time_limit(connection)  # filling a table can take long
        if engine.dialect.name == "postgresql":  # but waiting for a lock would block other processes behind it
            connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
        context.run_migrations()
    connection.commit()
