"""The file of a SQLite database: only `create_file` creates it, and a removed or replaced one is noticed.

A connection keeps a removed file open: reads and writes would continue in a file that no other process can open. So
each time a connection is taken from its pool, the file at its path must still be the one that it opened.
If another file is there, such as a restored one, the connection is opened again. If there is none, that is an error
like an unreachable database. SQLite would create an empty file in its place, for which a removed database looks like a
new installation.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

from webapp.private_files import create_private_file

_IN_MEMORY = ":memory:"
_FILE = "sqlite_file"  # the key of (path, device, inode) in the record of a connection
_DESCRIPTORS = Path("/proc/self/fd")  # of Linux
# by path of the database: (descriptor, device, inode) of its file, and of the index of its WAL
_opened: dict[str, list[list[tuple[int, int, int]]]] = {}
_known_paths: set[str] = set()  # files that a connection of this process, or of its parent, has opened
_REMOVED = " was removed while Deskjob was running."
_MISSING = " does not exist."


@event.listens_for(Engine, "do_connect")
def _refuse_new_file(dialect: Any, _record: object, arguments: list[Any], _parameters: object) -> None:
    if dialect.name == "sqlite" and arguments and _is_missing(arguments[0]):
        what = _REMOVED if os.path.realpath(arguments[0]) in _known_paths else _MISSING
        error = sqlite3.OperationalError(f"The database file {arguments[0]}{what}")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error


def create_file(engine: Engine) -> None:
    """Create the file, unless it exists, for its owner only; SQLite gives its permissions to the files next to it.

    Raises `OSError`. Does nothing for a database in memory or on a server.
    """
    if engine.dialect.name == "sqlite" and (path := engine.url.database) and path != _IN_MEMORY:
        create_private_file(Path(path))


def missing_file(engine: Engine) -> str | None:
    """Return the path of the database's file if there is none."""
    path = engine.url.database or ""
    return path if engine.dialect.name == "sqlite" and _is_missing(path) else None


def was_removed(error: DBAPIError) -> bool:
    """Return whether an error says that there is no file."""
    return isinstance(error.orig, sqlite3.Error) and str(error.orig).endswith((_REMOVED, _MISSING))


def removed_file(engine: Engine) -> str | None:
    """Return the path of the file that this process has used if it is missing now."""
    path = missing_file(engine)
    return path if path and os.path.realpath(path) in _known_paths else None


def remember_file(connection: sqlite3.Connection, info: dict[str, Any]) -> None:
    """Note which file a new connection has opened."""
    _, _, path = connection.execute("PRAGMA database_list").fetchone()
    if path := path and os.path.realpath(path):  # a database in memory has none
        _known_paths.add(path)
        _opened[path] = [_descriptors_of(path), _descriptors_of(f"{path}-shm")]
        info[_FILE] = (path, *_identity(path))


def has_its_file(info: Mapping[str, Any]) -> bool:
    """Return whether the file of a connection is still at its path; ``info`` is the connection's."""
    file = info.get(_FILE)
    return file is None or _identity(file[0]) == file[1:]


class FilesClosed(Exception):
    """Raised when a handler has closed the files of the database: SQLite cannot open them again in this process."""

    def __init__(self) -> None:
        """Name the cause."""
        super().__init__("It closed all files of its process, also those of the database, so its result was lost.")


def refuse_closed_files(engine: Engine) -> None:
    """Raise `FilesClosed` if all descriptors of a file are closed. SQLite would try for ten seconds to lock it."""
    if engine.dialect.name != "sqlite" or not (path := engine.url.database):
        return
    for opened in _opened.get(path) or _opened.get(os.path.realpath(path)) or ():
        if opened and not any(map(_is_open, opened)):
            raise FilesClosed


def _descriptors_of(path: str) -> list[tuple[int, int, int]]:
    """Return the descriptors of a file in this process: those of every connection, of which one is enough."""
    found = []
    with suppress(OSError):
        for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208  (only names are needed)
            with suppress(OSError):  # closed meanwhile
                if os.readlink(f"{_DESCRIPTORS}/{name}") == path:  # noqa: PTH115
                    status = os.fstat(int(name))
                    found.append((int(name), status.st_dev, status.st_ino))
    return found


def _is_open(descriptor: tuple[int, int, int]) -> bool:
    try:
        status = os.fstat(descriptor[0])
    except OSError:
        return False
    return descriptor[1:] == (status.st_dev, status.st_ino)


@event.listens_for(Engine, "checkout")
def _check_file(_connection: object, record: Any, _proxy: object) -> None:
    if not has_its_file(record.info):
        raise DisconnectionError(f"The database file {record.info[_FILE][0]}{_REMOVED}")


def _is_missing(path: str) -> bool:
    return path not in {"", _IN_MEMORY} and not os.path.exists(path)  # noqa: PTH110


def _identity(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116  (once per use of a connection: a `Path` takes longer)
    except FileNotFoundError:
        return (0, 0)
    return status.st_dev, status.st_ino
