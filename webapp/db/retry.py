"""Retry database operations with a growing delay while the database is away.

A connection error does not tell whether the operation was executed. So a retried operation is either
rejected the second time (by the fence, or by an id that exists already), or ``again`` first checks whether
it was executed.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from webapp.db import resource_errors

log = logging.getLogger(__name__)
T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
# SQLite reports a missing table as an operational error too
_AWAY_IN_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_PRIMARY_CODE = 0xFF


def is_away(error: BaseException) -> bool:
    """Return whether an error is about the connection, not the statement, so that a retry can succeed."""
    if not isinstance(error, DBAPIError) or resource_errors.disk_is_full(error):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE) in _AWAY_IN_SQLITE
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def retry_while_away(action: Callable[[], T], *, seconds: float, again: Callable[[], T] | None = None) -> T:
    """Call ``action``; while the database is away, call ``again`` or ``action`` until ``seconds`` have passed."""
    deadline, pause, step = monotonic() + seconds, _FIRST_PAUSE, action
    while True:
        try:
            return step()
        except DBAPIError as error:
            if not is_away(error) or monotonic() + pause > deadline:
                raise
            if pause == _FIRST_PAUSE:
                log.warning("The database cannot be reached (%s); retrying.", one_line(error))
        sleep(pause)
        pause, step = min(2 * pause, _LONGEST_PAUSE), again or action


def ignore_while_away(action: Callable[[], object]) -> None:
    """Call ``action`` and ignore database errors, for work that can be skipped."""
    with suppress(DBAPIError):
        action()


def one_line(error: DBAPIError) -> str:
    """Return the database's error message on one line."""
    return " ".join(str(error.orig).split())
