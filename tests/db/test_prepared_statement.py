import sqlite3
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, bindparam, event, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from tests.jobs.statements import recorded
from webapp.db.engine import holding_connections, writing
from webapp.db.prepared_statement import PreparedStatement
from webapp.schema import jobs, now, users

pytestmark = [pytest.mark.dialect(both=True), pytest.mark.usefixtures("database")]
COLUMNS = ("id", "name", "password_hash", "role", "active")
INSERT = PreparedStatement(insert(users).values(created_at=now(), theme="dark").inline(), columns=COLUMNS)
FIND = PreparedStatement(select(users.c.id, users.c.active, users.c.created_at).where(users.c.name == bindparam("who")))
RENAME = PreparedStatement(
    update(users).where(users.c.name == bindparam("who")).values(name=bindparam("new")).returning(users.c.id)
)


@pytest.fixture
def engine(app: Flask) -> Engine:
    engine: Engine = app.extensions["deskjob"].engine
    return engine


def row(name: str, *, active: bool = True) -> dict[str, Any]:
    return {"id": uuid4(), "name": name, "password_hash": "!", "role": "user", "active": active}


def test_values_are_converted_in_both_directions(engine: Engine) -> None:
    ana, before = row("ana", active=False), datetime.now(UTC)
    with writing(engine) as connection:
        INSERT.execute(connection, ana)
        found = FIND.first(connection, {"who": "ana"})
        assert connection.execute(select(users.c.theme)).scalar() == "dark", "a constant of the statement"
    assert found is not None
    assert (found["id"], found["active"]) == (ana["id"], False)
    assert abs((found["created_at"] - before).total_seconds()) < 60


def test_a_statement_returns_its_first_row_or_none(engine: Engine) -> None:
    ana = row("ana")
    with writing(engine) as connection:
        INSERT.execute(connection, ana)
        assert RENAME.first(connection, {"who": "ana", "new": "bea"}) == {"id": ana["id"]}
        assert RENAME.first(connection, {"who": "ana", "new": "bea"}) is None


def test_the_rows_of_an_answer_are_counted(engine: Engine) -> None:
    with writing(engine) as connection:
        INSERT.execute(connection, row("ana"))
        assert [RENAME.count(connection, {"who": name, "new": "bea"}) for name in ("ana", "ana")] == [1, 0]


def test_equal_values_are_converted_alike_and_each_row_has_its_own_lists(engine: Engine) -> None:
    find = PreparedStatement(select(jobs.c.id, jobs.c.created_at, jobs.c.warnings, jobs.c.state, jobs.c.payload))
    values = [{"id": uuid4(), "payload": {"number": 1}} for _ in range(2)]
    common = {"type": "noop", "title": "", "status": "queued", "queue": "q", "priority": 1, "created_at": now()}
    with writing(engine) as connection:
        connection.execute(insert(jobs).values(**common), values)
        first, second = find.all(connection, {})
        usual = connection.execute(select(jobs).where(jobs.c.id == first["id"])).mappings().one()
    assert first == {name: usual[name] for name in first}
    assert first["warnings"] == second["warnings"] == []
    assert first["warnings"] is not second["warnings"]
    assert first["state"] == second["state"] == {}
    assert first["state"] is not second["state"]


def test_it_takes_part_in_the_transaction(engine: Engine) -> None:
    def insert_and_fail(connection: Connection) -> None:
        INSERT.execute(connection, row("ana"))
        raise KeyError

    with pytest.raises(KeyError), writing(engine) as connection:
        insert_and_fail(connection)
    with writing(engine) as connection:
        assert FIND.first(connection, {"who": "ana"}) is None


def test_an_error_is_one_of_sqlalchemy_and_keeps_the_connection(engine: Engine) -> None:
    with holding_connections():
        with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
            INSERT.execute(connection, row("ana"))
            INSERT.execute(connection, row("ana"))
        assert "INSERT INTO users" in str(caught.value)
        with writing(engine) as connection:
            INSERT.execute(connection, row("ana"))


def test_a_broken_connection_is_reported_and_replaced(engine: Engine, database: str) -> None:
    with holding_connections():
        with pytest.raises(DBAPIError) as caught, writing(engine) as connection:
            _break(connection, database)
            FIND.first(connection, {"who": "ana"})
        assert database == "sqlite" or (
            isinstance(caught.value, OperationalError) and caught.value.connection_invalidated
        )
        with writing(engine) as connection:
            assert FIND.first(connection, {"who": "ana"}) is None


def _break(connection: Connection, database: str) -> None:
    if database == "sqlite":
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.close()
        return
    with connection.engine.connect() as other:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_an_interruption_in_the_middle_gives_the_connection_up(engine: Engine) -> None:
    class _Interrupted(BaseException):
        pass

    class _Cursor:
        description = None

        def execute(self, *_: Any) -> None:
            raise _Interrupted

        def close(self) -> None:
            pass

    with engine.connect() as connection:
        raw = connection.connection
        connection.connection.cursor = _Cursor  # type: ignore[method-assign, assignment]
        with pytest.raises(_Interrupted):
            FIND.first(connection, {"who": "ana"})
        assert connection.invalidated
        assert not raw.is_valid


def test_statements_are_recorded_and_can_be_replaced_by_listeners(engine: Engine) -> None:
    with writing(engine) as connection:
        with recorded(engine) as sent:
            FIND.first(connection, {"who": "ana"})
        assert len(sent) == 1
        INSERT.execute(connection, row("ana"))

        @event.listens_for(engine, "before_cursor_execute", retval=True)
        def find_nobody(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
            return statement.replace("users.name =", "users.name <>"), parameters

        assert FIND.first(connection, {"who": "ana"}) is None


def test_a_value_that_is_missing_or_has_the_wrong_type_is_an_error_of_sqlalchemy(engine: Engine) -> None:
    with writing(engine) as connection:
        with pytest.raises(StatementError, match="KeyError"):
            FIND.first(connection, {})
        with pytest.raises(StatementError, match="Not a boolean"):
            INSERT.execute(connection, row("ana") | {"active": "perhaps"})


def test_a_null_is_returned_as_none(engine: Engine) -> None:
    tenant = PreparedStatement(select(users.c.tenant, users.c.imported_by))
    with writing(engine) as connection:
        INSERT.execute(connection, row("ana"))
        assert tenant.first(connection, {}) == {"tenant": None, "imported_by": None}


def test_ids_are_uuids(engine: Engine) -> None:
    with writing(engine) as connection:
        INSERT.execute(connection, row("ana"))
        found = FIND.first(connection, {"who": "ana"})
    assert found is not None
    assert isinstance(found["id"], UUID)


def test_a_statement_with_a_list_of_values_is_executed_as_usual(engine: Engine) -> None:
    some = PreparedStatement(select(users.c.name).where(users.c.name.in_(["ana", "bea"])).order_by(users.c.name))
    with writing(engine) as connection:
        for name in ("ana", "bea", "eve"):
            INSERT.execute(connection, row(name))
        assert [found["name"] for found in some.all(connection, {})] == ["ana", "bea"]


def test_a_long_statement_has_the_same_answer(engine: Engine) -> None:
    others = [users.c.name != bindparam(f"other_{number}") for number in range(150)]
    found = select(users.c.id, users.c.active, users.c.created_at).where(users.c.name == bindparam("who"), *others)
    long, ana = PreparedStatement(found), row("ana", active=False)
    names = {f"other_{number}": f"name{number} with 100 % of its characters" for number in range(150)}
    with writing(engine) as connection, recorded(engine) as sent:
        INSERT.execute(connection, ana)
        assert long.first(connection, {"who": "ana", **names}) == FIND.first(connection, {"who": "ana"})
        assert long.first(connection, {"who": "name7 with 100 % of its characters", **names}) is None
    statement = sent[1][0]
    assert ("$151" in statement) is (engine.dialect.name == "postgresql")
