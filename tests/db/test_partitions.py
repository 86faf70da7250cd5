"""Ranges of ids by month, and tables that are divided by them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from webapp.db import partitions
from webapp.db.partitions import PartitionMonth, TableLayout

MAY = PartitionMonth(2031, 5)


@pytest.fixture
def database() -> str:
    return "postgresql"


@pytest.fixture
def connection(database_url: str, database: str) -> Iterator[Connection]:
    """Two empty tables, one of which refers to the other."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        for statement in (
            "CREATE TABLE cats (id uuid CONSTRAINT pk_cats PRIMARY KEY, name text DEFAULT 'Tom' CHECK (name <> ''))",
            "CREATE INDEX ix_cats_name ON cats (name) WHERE name <> 'Tom'",
            "CREATE STATISTICS cats_names (mcv) ON id, name FROM cats",
            """CREATE TABLE lives (number bigserial CONSTRAINT pk_lives PRIMARY KEY, gone text,
               cat_id uuid NOT NULL CONSTRAINT fk_lives_cat REFERENCES cats ON DELETE CASCADE)""",
            "CREATE TABLE deaths (cat_id uuid)",
            """CREATE FUNCTION mourn() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN INSERT INTO deaths VALUES (OLD.id); RETURN NULL; END $$""",
            "CREATE TRIGGER mourned AFTER DELETE ON cats FOR EACH ROW EXECUTE FUNCTION mourn()",
        ):
            connection.exec_driver_sql(statement)
        yield connection
    engine.dispose()


def add(connection: Connection, cat: UUID) -> None:
    connection.execute(text("INSERT INTO cats (id) VALUES (:id)"), {"id": cat})
    connection.execute(text("INSERT INTO lives (cat_id) VALUES (:id)"), {"id": cat})


def count(connection: Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def test_an_id_is_in_the_month_in_which_it_was_made() -> None:
    month = PartitionMonth.of_id(uuid7())
    assert month == PartitionMonth.of(datetime.now(UTC))
    assert month.first_id <= uuid7() < month.after().first_id
    assert PartitionMonth.of_id(MAY.first_id) == MAY
    assert PartitionMonth.of_id(UUID(int=MAY.first_id.int - 1)) == PartitionMonth(2031, 4)


def test_months_follow_each_other() -> None:
    assert PartitionMonth(2030, 12).after() == PartitionMonth(2031, 1)
    assert MAY.after(-5) == PartitionMonth(2030, 12)
    assert MAY.after(20) == PartitionMonth(2033, 1)
    assert str(MAY) == "2031_05"


def test_a_divided_table_has_what_it_had(connection: Connection) -> None:
    def shape() -> object:
        found = inspect(connection)
        # PostgreSQL has a copy of the key for each partition, whose name has a number at its end
        keys = {str(key["name"]).rstrip("_0123456789"): key["options"] for key in found.get_foreign_keys("lives")}
        columns = [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns("lives")]
        indexes = {index["name"] for table in ("cats", "lives") for index in found.get_indexes(table)} - {"pk_lives"}
        return keys, columns, indexes, found.get_check_constraints("cats"), found.get_pk_constraint("cats")["name"]

    before = shape()
    partitions.divide(connection, {"cats": "id", "lives": "cat_id"}, [MAY])
    assert shape() == before
    assert partitions.is_divided(connection, "cats")
    assert not partitions.is_divided(connection, "deaths")
    assert partitions.months_of(connection, "lives") == [MAY]
    add(connection, cat := MAY.first_id)
    assert count(connection, "cats_2031_05") == count(connection, "lives_2031_05") == 1
    add(connection, uuid7())
    assert count(connection, "cats_other") == 1
    assert connection.exec_driver_sql("SELECT array_agg(number ORDER BY number) FROM lives").scalar() == [1, 2]
    connection.execute(text("DELETE FROM cats WHERE id = :id"), {"id": cat})
    assert (count(connection, "lives"), count(connection, "deaths")) == (1, 1)


def test_a_month_is_detached_only_if_nothing_refers_to_it(connection: Connection) -> None:
    partitions.divide(connection, {"cats": "id"}, [MAY, MAY.after()])
    add(connection, MAY.first_id)
    with pytest.raises(IntegrityError), connection.begin_nested():
        partitions.detach_month(connection, "cats", MAY, "old")
    connection.exec_driver_sql("DELETE FROM lives")
    partitions.detach_month(connection, "cats", MAY, "old")
    assert partitions.months_of(connection, "cats") == [MAY.after()]
    assert partitions.detached_months(connection, "cats", "old") == [MAY]
    assert count(connection, "cats") == 0
    assert count(connection, partitions.detached_name("cats", MAY, "old")) == 1


def test_the_layout_names_what_a_schema_without_partitions_does_not_know(connection: Connection) -> None:
    assert TableLayout.of(connection) == TableLayout()
    partitions.divide(connection, {"cats": "id", "lives": "cat_id"}, [MAY, MAY.after()])
    partitions.detach_month(connection, "cats", MAY, "old")
    connection.exec_driver_sql("CREATE TABLE cats_of_others (id uuid)")
    layout = TableLayout.of(connection)
    assert layout.divided == {"cats", "lives"}
    assert layout.partitions == {
        *("cats_2031_05_old", "cats_2031_06", "cats_other"),
        *("lives_2031_05", "lives_2031_06", "lives_other"),
    }
    assert layout.explains_foreign_key("lives", "cats_other")
    assert layout.explains_foreign_key("cats", "cats")
    assert not layout.explains_foreign_key("lives", "cats")
    assert layout.explains_index("lives", "pk_lives")
    assert not layout.explains_index("deaths", "pk_deaths")
