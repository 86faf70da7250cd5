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


def test_the_migrations_make_the_tables_of_the_schema(app: Flask, database: str) -> None:
    with app.extensions["deskjob"].engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_every_migration_goes_down_and_up_again(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    downgrade(revision="base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar() == 0


def test_reads_that_share_a_connection_take_it_once_and_give_it_back(app: Flask, database: str) -> None:
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


def test_reads_that_share_nothing_have_a_connection_each(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with reading(engine) as first, reading(engine) as second:
        assert first is not second


def test_a_shared_connection_that_broke_is_left_behind(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with sharing_reads():
        with pytest.raises(DBAPIError), reading(engine) as broken:
            broken.execute(text("SELECT nothing_of_that_name"))
        with reading(engine) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        assert engine.pool.checkedout() == 1


def test_shared_reads_see_what_is_written_meanwhile(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    names = text("SELECT count(*) FROM queues")
    with sharing_reads():
        with reading(engine) as connection:
            before = connection.execute(names).scalar_one()
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO queues (name, reason) VALUES ('night', '')"))
        with reading(engine) as connection:
            assert connection.execute(names).scalar_one() == before + 1
