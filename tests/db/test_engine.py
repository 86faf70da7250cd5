import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from webapp import schema
from webapp.db.engine import reading, sharing_reads, writing

pytestmark = pytest.mark.dialect


def test_the_migrations_create_the_tables_of_the_schema(app: Flask, database: str) -> None:
    with app.extensions["deskjob"].engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_every_migration_can_be_downgraded_and_upgraded(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    downgrade(revision="base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar() == 0


def test_shared_reads_use_one_connection_and_return_it(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with sharing_reads():
        with reading(engine) as first, reading(engine) as second:
            assert first is second
        with reading(engine) as third:
            assert third is first
            assert third.execute(text("SELECT 1")).scalar() == 1
        assert engine.pool.checkedout() == 1
    assert engine.pool.checkedout() == 0
    assert first.closed


def test_reads_outside_sharing_use_separate_connections(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with reading(engine) as first, reading(engine) as second:
        assert first is not second


def test_a_broken_shared_connection_is_replaced(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with sharing_reads():
        with pytest.raises(DBAPIError), reading(engine) as broken:
            broken.execute(text("SELECT nothing_of_that_name"))
        with reading(engine) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        assert engine.pool.checkedout() == 1


def test_shared_reads_see_later_writes(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    names = text("SELECT count(*) FROM queues")
    with sharing_reads():
        with reading(engine) as connection:
            before = connection.execute(names).scalar_one()
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO queues (name, reason) VALUES ('night', '')"))
        with reading(engine) as connection:
            assert connection.execute(names).scalar_one() == before + 1
