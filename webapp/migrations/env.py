"""Run by Alembic: migrate the database of the current Flask application."""

from alembic import context
from flask import current_app

from webapp import schema

engine = current_app.extensions["migrate"].db.engine
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        render_as_batch=engine.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
