"""A server that accepts connections and never answers looks like a frozen one."""

import os
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from webapp.db import bounded_connection
from webapp.db.bounded_connection import BoundedConnection, connect
from webapp.db.engine import (
    PING_SECONDS,
    STATEMENT_SECONDS,
    engine_options,
    lift_time_limit,
    reading,
    unlimited_session,
    without_ping,
    writing,
)
from webapp.db.retry import is_away

LONG_SECONDS = 30.0


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ask a silent server again at once, and forget it: other tests use the same one."""
    monkeypatch.setattr(bounded_connection, "_PAUSE_SECONDS", 0.0)
    yield
    bounded_connection._silent.since.clear()


@pytest.fixture
def engine(postgresql_server: str) -> Iterator[Engine]:
    engine = create_engine(postgresql_server, **engine_options(postgresql_server))
    yield engine
    engine.dispose()


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def driver_connection(connection: object) -> BoundedConnection:
    return connection.connection.driver_connection  # type: ignore[attr-defined,no-any-return]


def test_a_statement_without_an_answer_closes_its_connection(engine: Engine) -> None:
    with (
        pytest.raises(OperationalError, match=r"did not answer within 0\.3 s") as caught,
        reading(engine) as connection,
    ):
        driver_connection(connection).answer_seconds = 0.3
        connection.execute(text(f"SELECT pg_sleep({LONG_SECONDS})"))
    assert caught.value.connection_invalidated
    assert is_away(caught.value)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


def test_a_commit_has_a_limit_too(engine: Engine) -> None:
    with pytest.raises(OperationalError, match="did not answer"), writing(engine) as connection:
        connection.execute(text("CREATE TEMP TABLE parts (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)"))
        connection.execute(text("CREATE FUNCTION pg_temp.wait() RETURNS trigger LANGUAGE plpgsql AS "
                                f"$$ BEGIN PERFORM pg_sleep({LONG_SECONDS}); RETURN NULL; END $$"))  # fmt: skip
        connection.execute(text("CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON parts DEFERRABLE INITIALLY DEFERRED "
                                "FOR EACH ROW EXECUTE FUNCTION pg_temp.wait()"))  # fmt: skip
        connection.execute(text("INSERT INTO parts VALUES (1)"))
        driver_connection(connection).answer_seconds = 0.3


def test_an_idle_connection_must_answer_sooner_than_a_statement(engine: Engine) -> None:
    with reading(engine) as connection:
        driver = driver_connection(connection)
        assert driver.answer_seconds == STATEMENT_SECONDS
    assert driver.answer_seconds == PING_SECONDS


def test_the_limit_is_longer_than_that_of_the_server(engine: Engine) -> None:
    with reading(engine) as connection:
        limit = connection.execute(text("SELECT extract(epoch FROM current_setting('statement_timeout')::interval)"))
        assert PING_SECONDS < float(limit.scalar_one()) < STATEMENT_SECONDS


def test_a_limit_can_be_lifted_for_one_connection(engine: Engine) -> None:
    with reading(engine) as connection:
        driver = driver_connection(connection)
        lift_time_limit(connection)
        assert driver.answer_seconds is None
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "0"
    with reading(engine) as connection:
        assert driver_connection(connection).answer_seconds == STATEMENT_SECONDS
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "15s"


def test_the_limits_of_a_session_can_be_lifted(engine: Engine) -> None:
    with unlimited_session(engine) as connection:
        driver = driver_connection(connection)
        for level in ("READ COMMITTED", "AUTOCOMMIT"):
            connection.execution_options(isolation_level=level)
            assert connection.execute(text("SHOW statement_timeout")).scalar() == "0"
            connection.commit()
        assert driver.answer_seconds is None
    assert driver.closed, "nobody gets it without limits"
    with reading(engine) as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "15s"


def test_one_thread_at_a_time_asks_a_silent_server(silent_port: int) -> None:
    patience = 2  # the shortest one of the driver

    def ask() -> str:
        with pytest.raises(psycopg.OperationalError) as caught:
            connect(host="127.0.0.1", port=silent_port, connect_timeout=patience)
        return str(caught.value)

    assert "timeout" in ask()
    with ThreadPoolExecutor(8) as threads:
        sentences = list(threads.map(lambda _: ask(), range(8)))
    assert sum("timeout" in sentence for sentence in sentences) == 1
    assert sum("a moment ago" in sentence for sentence in sentences) == 7


def test_a_silent_server_is_not_asked_again_at_once(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_connection, "_PAUSE_SECONDS", LONG_SECONDS)
    for reason in ("timeout", "a moment ago"):
        with pytest.raises(psycopg.OperationalError, match=reason):
            connect(host="127.0.0.1", port=silent_port, connect_timeout=2)


def test_a_forked_process_does_not_wait_for_a_thread_of_its_parent() -> None:
    bounded_connection._silent.since["host:5432"] = 0.0
    with bounded_connection._silent.asking:
        child = os.fork()
        if not child:
            silent = bounded_connection._silent
            os._exit(int(silent.asking.locked() or bool(silent.since)))
        assert os.waitpid(child, 0)[1] == 0


def test_a_server_that_answers_again_is_used_by_all(engine: Engine) -> None:
    with pytest.raises(OperationalError), reading(engine) as connection:
        driver_connection(connection).answer_seconds = 0.2
        connection.execute(text(f"SELECT pg_sleep({LONG_SECONDS})"))
    assert bounded_connection._silent.since
    assert use(engine) == 1
    barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: barrier.wait() * 0 + use(engine), range(4))) == [1, 1, 1, 1]


def use(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT 1")).scalar_one())


def test_a_connection_that_was_just_in_use_is_not_checked_first(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(BoundedConnection, "execute", lambda _, query: asked.append(query))
    assert [use(engine) for _ in range(3)] == [1, 1, 1]
    assert asked == []
    monkeypatch.setattr(bounded_connection, "_FRESH_SECONDS", 0.0)
    assert use(engine) == 1
    assert asked == ["SELECT 1"]


def test_a_connection_that_the_server_has_closed_is_replaced_even_if_it_was_just_in_use(engine: Engine) -> None:
    with reading(engine) as connection:
        process, driver = (
            connection.execute(text("SELECT pg_backend_pid()")).scalar_one(),
            driver_connection(connection),
        )
    with psycopg.connect(driver.info.dsn) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])
    poll_for_input = select.poll()
    poll_for_input.register(driver.pgconn.socket, select.POLLIN)
    assert poll_for_input.poll(LONG_SECONDS * 1000)
    assert use(engine) == 1
    assert driver.closed


def test_an_idle_connection_can_show_with_its_first_statement_whether_it_works(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_connection, "_FRESH_SECONDS", 0.0)
    with reading(engine) as connection:
        process, driver = (
            connection.execute(text("SELECT pg_backend_pid()")).scalar_one(),
            driver_connection(connection),
        )
    asked: list[object] = []
    monkeypatch.setattr(BoundedConnection, "execute", lambda _, query: asked.append(query))
    with without_ping(), reading(engine) as connection:
        assert driver_connection(connection) is driver
        assert driver.answer_seconds == PING_SECONDS, "it has no more time than a question before it"
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert asked == []
    monkeypatch.undo()
    with psycopg.connect(driver.info.dsn) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])
    with pytest.raises(OperationalError), without_ping():
        use(engine)
    assert use(engine) == 1


def test_a_connection_that_was_closed_while_it_was_idle_is_replaced_without_a_ping_too(engine: Engine) -> None:
    with reading(engine) as connection:
        driver = driver_connection(connection)
    driver.close()
    with without_ping():
        assert use(engine) == 1


def test_each_transaction_has_its_isolation_level_whatever_its_connection_did_before(engine: Engine) -> None:
    def level(isolation: str | None) -> tuple[str, bool]:
        options = {"isolation_level": isolation} if isolation else {}
        with engine.connect().execution_options(**options) as connection:
            shown = connection.exec_driver_sql("SHOW transaction_isolation").scalar_one()
            return shown, driver_connection(connection).info.transaction_status is TransactionStatus.INTRANS

    usual, repeatable = ("read committed", True), ("repeatable read", True)
    assert [level(None), level("AUTOCOMMIT"), level(None)] == [usual, ("read committed", False), usual]
    assert [level("REPEATABLE READ"), level("AUTOCOMMIT")] == [repeatable, ("read committed", False)]
    assert [level("REPEATABLE READ"), level(None), level("REPEATABLE READ")] == [repeatable, usual, repeatable]
