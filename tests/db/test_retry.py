import sqlite3
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from webapp.db.retry import ignore_while_away, is_away, retry_while_away


def connection_lost() -> OperationalError:
    return OperationalError("SELECT 1", {}, Exception("server closed the connection"))


def sqlite_error(code: int) -> OperationalError:
    error = sqlite3.OperationalError("…")
    error.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, error)


def returning(*answers: object) -> Callable[[], object]:
    remaining: Iterator[object] = iter(answers)

    def action() -> object:
        answer = next(remaining)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return action


def test_an_action_is_retried_while_the_database_is_away() -> None:
    assert retry_while_away(returning(connection_lost(), connection_lost(), "done"), seconds=10) == "done"


def test_retries_call_again_instead_of_the_action() -> None:
    assert (
        retry_while_away(returning(connection_lost()), again=returning(connection_lost(), "was done"), seconds=10)
        == "was done"
    )


def test_retries_end_after_their_time() -> None:
    with pytest.raises(OperationalError):
        retry_while_away(returning(*[connection_lost()] * 1000), seconds=0.2)


def test_zero_seconds_allow_no_retry() -> None:
    with pytest.raises(OperationalError):
        retry_while_away(returning(connection_lost(), "done"), seconds=0)


@pytest.mark.parametrize("error_class", [IntegrityError, ProgrammingError])
def test_a_statement_error_is_not_retried(error_class: type[DBAPIError]) -> None:
    with pytest.raises(error_class):
        retry_while_away(returning(error_class("…", {}, Exception()), "done"), seconds=10)


def test_an_invalidated_connection_counts_as_away() -> None:
    assert is_away(ProgrammingError("…", {}, Exception(), connection_invalidated=True))
    assert not is_away(ValueError())


@pytest.mark.parametrize(("code", "away"), [(sqlite3.SQLITE_BUSY_SNAPSHOT, True), (sqlite3.SQLITE_ERROR, False)])
def test_sqlite_is_away_while_it_is_busy_but_not_for_a_missing_table(code: int, away: bool) -> None:
    assert is_away(sqlite_error(code)) is away


def test_an_optional_action_is_skipped_while_the_database_is_away() -> None:
    ignore_while_away(returning(connection_lost()))
