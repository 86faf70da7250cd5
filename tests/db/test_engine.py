from contextlib import ExitStack
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from webapp import schema
from webapp.db.engine import (
    holding_connections,
    in_next_transaction,
    own_connections,
    reading,
    release_shared_reads,
    sharing_reads,
    writing,
    writing_autocommit,
)
from webapp.db.revision import downgrade, upgrade

pytestmark = pytest.mark.dialect(both=True)
IN_MEMORY = 2  # of the pragma temp_store


def test_the_migrations_create_the_tables_of_the_schema(app: Flask, database: str) -> None:
    def exists_here(item: Any, _name: str, kind: str, is_reflected: bool, _other: object) -> bool:
        only = item._ddl_if.dialect if kind == "index" and not is_reflected and item._ddl_if else database
        return bool(only == database)

    with app.extensions["deskjob"].engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": exists_here})
        assert compare_metadata(context, schema.metadata) == []


def test_every_migration_can_be_downgraded_and_upgraded(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    upgrade(engine)
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


def test_shared_reads_can_give_their_connection_back_for_a_while(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with sharing_reads():
        assert use(engine) == 1
        release_shared_reads()
        assert engine.pool.checkedout() == 0
        assert use(engine) == 1
        assert engine.pool.checkedout() == 1
    release_shared_reads()


def use(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT 1")).scalar_one())


def test_threads_that_hold_a_connection_never_wait_for_a_second_one(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with ExitStack() as connections:
        for _ in range(40):
            connections.enter_context(reading(engine))
        assert engine.pool.checkedout() == 40


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


def add_queue(connection: Connection, name: str) -> None:
    connection.execute(text("INSERT INTO queues (name, reason) VALUES (:name, '')"), {"name": name})


def queue_names(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(text("SELECT name FROM queues")).scalars())


def test_held_connections_serve_one_transaction_after_the_other(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with holding_connections():
        with writing(engine) as first:
            add_queue(first, "night")
        with writing(engine) as second:
            add_queue(second, "day")
        assert first is second
        assert not first.in_transaction()
        assert queue_names(engine) >= {"night", "day"}
    assert engine.pool.checkedout() == 0


def test_a_held_transaction_that_raises_is_rolled_back(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with holding_connections():
        with pytest.raises(ValueError, match="broken"), writing(engine) as connection:
            add_queue(connection, "night")
            raise ValueError("broken")
        with writing(engine) as connection:
            add_queue(connection, "day")
        assert "night" not in queue_names(engine)
        assert "day" in queue_names(engine)


def test_a_transaction_within_another_uses_its_own_connection(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with holding_connections(), writing(engine) as outer:
        if database == "postgresql":  # SQLite has one writer
            with writing(engine) as inner:
                assert inner is not outer
        with reading(engine) as reader:
            assert reader is not outer


def test_a_held_connection_that_breaks_is_replaced(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with holding_connections():
        with pytest.raises(DBAPIError), writing(engine) as broken:
            broken.execute(text("INSERT INTO nothing_of_that_name VALUES (1)"))
        with writing(engine) as connection:
            add_queue(connection, "night")
        assert connection is not broken
    assert "night" in queue_names(engine)


def test_only_a_held_connection_keeps_journals_in_memory(app: Flask, database: str) -> None:
    if database != "sqlite":
        pytest.skip("PostgreSQL has no such journals")
    engine = app.extensions["deskjob"].engine
    setting = text("PRAGMA temp_store")
    with holding_connections(), writing(engine) as held:
        assert held.execute(setting).scalar() == IN_MEMORY
        driver = held.connection.dbapi_connection
    assert driver is not None
    assert driver.execute("PRAGMA temp_store").fetchone() == (0,), "where SQLite was compiled to have them: in files"


def test_own_connections_leave_held_ones_alone(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    with holding_connections():
        with writing(engine) as held:
            add_queue(held, "night")
        with own_connections(), writing(engine) as own:
            assert own is not held
        with writing(engine) as again:
            assert again is held


def test_a_step_of_the_next_transaction_is_called_by_a_write_of_one_statement(app: Flask, database: str) -> None:
    engine = app.extensions["deskjob"].engine
    in_transaction: list[bool] = []
    with in_next_transaction(lambda connection: in_transaction.append(connection.in_transaction())):
        with writing_autocommit(engine) as connection:
            connection.execute(text("SELECT 1"))
        assert in_transaction == [True]
