"""Connections to PostgreSQL that never wait indefinitely: a server that stops answering counts as unreachable.

The kernel acknowledges what is sent to a frozen process, so the timeouts of TCP do not notice it, and the time limits
of statements are the server's own. So the client has limits too. After one of them has passed, one thread at a time
asks the server again; the others fail at once, so that their pages say what is wrong.
"""

import os
from select import POLLIN, poll
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

from psycopg import Connection, Error, IsolationLevel, OperationalError
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout

from webapp.db.engine import PING_SECONDS

_FRESH_SECONDS = 0.5  # after which an idle connection is asked whether it still works
_PAUSE_SECONDS = 1.0  # before a silent server is asked again
_INTERVAL = 0.1  # seconds after which a wait notices Ctrl-C
T = TypeVar("T")


class _SilentServers:
    """The servers that did not answer in time, until they do."""

    def __init__(self) -> None:
        self.since: dict[str, float] = {}
        self.asking = Lock()


_silent = _SilentServers()
os.register_at_fork(after_in_child=_silent.__init__)  # type: ignore[misc]  # the thread that asks is not in the child


class BoundedConnection(Connection[Any]):
    """A connection that is closed when the server takes longer than ``answer_seconds`` for an answer."""

    answer_seconds: float | None = PING_SECONDS
    server = ""
    used_at = float("-inf")

    def answers(self) -> bool:
        """Return whether the server is still there.

        It is asked unless the connection was in use a moment ago and nothing has come from the server since: a server
        that ends says so and closes its connections.
        """
        if self.closed:
            return False
        if monotonic() - self.used_at < _FRESH_SECONDS and not self._has_input():
            return True
        try:
            was_autocommit = self.autocommit
            self.autocommit = True
            self.execute("SELECT 1")
            self.autocommit = was_autocommit
        except Error:
            return False
        return True

    def _has_input(self) -> bool:
        arrived = poll()
        arrived.register(self.pgconn.socket, POLLIN)
        return bool(arrived.poll(0))

    def set_isolation_level(self, value: IsolationLevel | None) -> None:
        """Set the level of the next transactions, if that changes something.

        SQLAlchemy resets it whenever a connection begins or ceases to run statements outside transactions, where it
        has no meaning.
        """
        if value != self.isolation_level and not (value is None and self.autocommit):
            super().set_isolation_level(value)

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL, timeout: float | None = None) -> T:
        """Wait for the server; raise ``OperationalError`` at the limit."""
        seconds = self.answer_seconds
        if timeout is not None or seconds is None:
            return super().wait(gen, interval, timeout)
        until = monotonic() + seconds
        try:
            return super().wait(gen, interval, seconds)
        except OperationalError:
            if monotonic() < until or self.closed:
                raise
            self.pgconn.finish()
            _silent.since[self.server] = monotonic()
            raise OperationalError(f"The server did not answer within {seconds:g} s.") from None


def connect(*arguments: Any, **parameters: Any) -> BoundedConnection:
    """Connect; raise ``OperationalError`` after the ``connect_timeout`` of the parameters, or at once."""
    server = f"{parameters.get('host', '')}:{parameters.get('port', '')}"
    if (since := _silent.since.get(server)) is None:
        return _connect(server, *arguments, **parameters)
    if monotonic() - since < _PAUSE_SECONDS or not _silent.asking.acquire(blocking=False):
        raise OperationalError("The server did not answer a moment ago.")
    try:
        return _connect(server, *arguments, **parameters)
    finally:
        _silent.asking.release()


def _connect(server: str, *arguments: Any, **parameters: Any) -> BoundedConnection:
    try:
        connection = BoundedConnection.connect(*arguments, **parameters)
    except ConnectionTimeout:
        _silent.since[server] = monotonic()
        raise
    except OperationalError:  # it answers that it takes no connections
        _silent.since.pop(server, None)
        raise
    _silent.since.pop(server, None)
    connection.server = server
    connection.used_at = monotonic()
    return connection
