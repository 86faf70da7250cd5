"""The settings of a session; `tests/processes/test_pooler.py` has a pooler in between."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from webapp.db.engine import engine_options, reading
from webapp.db.session_settings import SETTINGS, differing_settings, problem, role_statements


@pytest.fixture
def engine(postgresql_server: str) -> Iterator[Engine]:
    engine = create_engine(postgresql_server, **engine_options(postgresql_server))
    yield engine
    engine.dispose()


def test_a_connection_has_the_settings(engine: Engine) -> None:
    with reading(engine) as connection:
        assert not differing_settings(connection)
        assert not problem(connection, pooled=False)


def test_each_setting_that_differs_is_named(engine: Engine) -> None:
    for name in SETTINGS:
        with reading(engine) as connection:
            connection.exec_driver_sql(f"SET {name} = '{'Asia/Tokyo' if name == 'timezone' else 7}'")
            assert differing_settings(connection) == [name]
            assert name in problem(connection, pooled=False)
            connection.detach()


def test_the_statements_for_the_role_set_everything() -> None:
    statements = role_statements("deskjob", "jobs").split("; ")
    assert len(statements) == len(SETTINGS)
    assert statements[0] == """ALTER ROLE "deskjob" IN DATABASE "jobs" SET statement_timeout = '15s'"""
