import sqlite3
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from webapp.db.retry import ignore_while_away, is_away, retry_while_away


def gone() -> OperationalError:
    return OperationalError("SELECT 1", {}, Exception("server closed the connection"))


def in_sqlite(code: int) -> OperationalError:
    error = sqlite3.OperationalError("…")
    error.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, error)


def answering(*answers: object) -> Callable[[], object]:
    left: Iterator[object] = iter(answers)

    def act() -> object:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return act


def test_what_fails_while_the_database_is_away_is_done_again() -> None:
    assert retry_while_away(answering(gone(), gone(), "done"), seconds=10) == "done"


def test_whoever_asks_again_may_look_first_whether_it_was_done() -> None:
    assert retry_while_away(answering(gone()), again=answering(gone(), "was done"), seconds=10) == "was done"


def test_patience_has_an_end() -> None:
    with pytest.raises(OperationalError):
        retry_while_away(answering(*[gone()] * 1000), seconds=0.2)


def test_without_patience_nothing_is_done_twice() -> None:
    with pytest.raises(OperationalError):
        retry_while_away(answering(gone(), "done"), seconds=0)


@pytest.mark.parametrize("kind", [IntegrityError, ProgrammingError])
def test_a_statement_that_is_wrong_stays_wrong(kind: type[DBAPIError]) -> None:
    with pytest.raises(kind):
        retry_while_away(answering(kind("…", {}, Exception()), "done"), seconds=10)


def test_a_connection_that_was_lost_in_any_way_is_away() -> None:
    assert is_away(ProgrammingError("…", {}, Exception(), connection_invalidated=True))
    assert not is_away(ValueError())


@pytest.mark.parametrize(("code", "away"), [(sqlite3.SQLITE_BUSY_SNAPSHOT, True), (sqlite3.SQLITE_ERROR, False)])
def test_sqlite_is_away_while_another_one_writes_but_not_for_a_table_that_is_missing(code: int, away: bool) -> None:
    assert is_away(in_sqlite(code)) is away


def test_what_is_done_only_if_the_database_is_there_is_left_out_quietly() -> None:
    ignore_while_away(answering(gone()))
