"""Patience: what is tried again, with a growing pause, while the database is away.

An error of the connection does not tell whether the database had done what it was asked for. So
whatever is done patiently is either refused the second time (by the fence, or by an id that is there
already), or ``again`` looks first whether it was done.
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
# SQLite calls a missing table an operational error too
_AWAY_IN_SQLITE = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR})
_PRIMARY_CODE = 0xFF


def is_away(error: BaseException) -> bool:
    """Tell whether an error is the connection's, not the statement's: the same may succeed later."""
    if not isinstance(error, DBAPIError) or resource_errors.disk_is_full(error):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE) in _AWAY_IN_SQLITE
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def retry_while_away(act: Callable[[], T], *, seconds: float, again: Callable[[], T] | None = None) -> T:
    """Do ``act``, and while the database is away do it, or ``again``, once more; give up after ``seconds``."""
    deadline, pause, step = monotonic() + seconds, _FIRST_PAUSE, act
    while True:
        try:
            return step()
        except DBAPIError as error:
            if not is_away(error) or monotonic() + pause > deadline:
                raise
            if pause == _FIRST_PAUSE:
                log.warning("The database cannot be reached (%s); it is asked again.", one_line(error))
        sleep(pause)
        pause, step = min(2 * pause, _LONGEST_PAUSE), again or act


def ignore_while_away(act: Callable[[], object]) -> None:
    """Do what is well done without as well, if the database is there."""
    with suppress(DBAPIError):
        act()


def one_line(error: DBAPIError) -> str:
    """Return what the database said, on one line."""
    return " ".join(str(error.orig).split())
