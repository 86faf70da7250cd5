"""The file of a SQLite database: notice when it was removed or replaced while this process runs.

A connection keeps a removed file open: reads and writes would continue in a file that no other process can open. So
each time a connection is taken from its pool, the file at its path must still be the one that it opened.
If another file is there, such as a restored one, the connection is opened again. If there is none, that is an error
like an unreachable database, and no empty file is created in its place.
"""

import os
import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

_FILE = "sqlite_file"  # the key of (path, device, inode) in the record of a connection
_known_paths: set[str] = set()  # files that a connection of this process, or of its parent, has opened
_REMOVED = " was removed while Deskjob was running."


@event.listens_for(Engine, "do_connect")
def _refuse_new_file(dialect: Any, _record: object, arguments: list[Any], _parameters: object) -> None:
    if dialect.name == "sqlite" and arguments and _is_missing(arguments[0]):
        error = sqlite3.OperationalError(f"The database file {arguments[0]}{_REMOVED}")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error


def was_removed(error: DBAPIError) -> bool:
    """Return whether an error says that the file was removed."""
    return isinstance(error.orig, sqlite3.Error) and str(error.orig).endswith(_REMOVED)


def removed_file(engine: Engine) -> str | None:
    """Return the path of the file that this process has used if it is missing now."""
    path = engine.url.database or ""
    return path if _is_missing(path) else None


def remember_file(connection: sqlite3.Connection, info: dict[str, Any]) -> None:
    """Note which file a new connection has opened."""
    _, _, path = connection.execute("PRAGMA database_list").fetchone()
    if path := path and os.path.realpath(path):  # a database in memory has none
        _known_paths.add(path)
        info[_FILE] = (path, *_identity(path))


def has_its_file(info: Mapping[str, Any]) -> bool:
    """Return whether the file of a connection is still at its path; ``info`` is the connection's."""
    file = info.get(_FILE)
    return file is None or _identity(file[0]) == file[1:]


@event.listens_for(Engine, "checkout")
def _check_file(_connection: object, record: Any, _proxy: object) -> None:
    if not has_its_file(record.info):
        raise DisconnectionError(f"The database file {record.info[_FILE][0]}{_REMOVED}")


def _is_missing(path: str) -> bool:
    real = os.path.realpath(path)
    return real in _known_paths and not os.path.exists(real)  # noqa: PTH110


def _identity(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116  (once per use of a connection: a `Path` takes longer)
    except FileNotFoundError:
        return (0, 0)
    return status.st_dev, status.st_ino
