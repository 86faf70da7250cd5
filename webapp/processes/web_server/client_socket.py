"""The socket of a client, as the server's parser and responses use it: never waits for the client unless asked to.

What is written is collected and sent as far as the socket takes it. Files are sent by the kernel (``sendfile``).
"""

import os
import select
import socket
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import BinaryIO

from webapp.processes.web_server.incoming_request import LOWEST_RATE

STALL_SECONDS = 120.0  # a client that takes nothing for so long is disconnected
_AT_ONCE = 1024 * 1024  # bytes in one call, so that one fast client does not keep the others waiting
_AT_MOST = 64 * 1024  # bytes of a body at once: gunicorn copies what it has left over for each read of the application
_COLLECTED = 64 * 1024  # bytes: small writes are sent together
_RATE_SECONDS = 30.0  # the rate of an upload is checked after each of these seconds of waiting


class FileRange:
    """A part of a file that is to be sent; it stays open when its owner closes the file."""

    def __init__(self, fileno: int, start: int, size: int) -> None:
        self._fileno = os.dup(fileno)
        self._start = start
        self.left = size  # bytes that are still to be sent

    def send(self, out: socket.socket) -> int:
        """Send as much as the socket takes; return the number of bytes."""
        sent = os.sendfile(out.fileno(), self._fileno, self._start, min(self.left, _AT_ONCE))
        if not sent:
            raise BrokenPipeError("The file is shorter than it was.")
        self._start += sent
        self.left -= sent
        return sent

    def close(self) -> None:
        """Close the file."""
        os.close(self._fileno)


class ClientSocket:
    """A non-blocking socket and what is still to be sent to it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        self.connection = connection
        self._outgoing: deque[memoryview | FileRange] = deque()
        self._collected = self._in_files = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything was sent."""
        return not self._outgoing

    @property
    def waiting_bytes(self) -> int:
        """The number of bytes in memory that the client has not taken."""
        return self._collected

    @property
    def unsent_bytes(self) -> int:
        """The number of bytes that the client has not taken, also after `close`."""
        return self._collected + self._in_files

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self.connection.fileno()

    def setblocking(self, _flag: bool) -> None:  # noqa: FBT001  (the signature of a socket)
        """Do nothing: the socket never blocks."""

    def gettimeout(self) -> float:
        """Return the timeout of a socket that never blocks."""
        return 0.0

    def recv(self, size: int) -> bytes:
        """Return bytes that have arrived; raise ``BlockingIOError`` if there are none."""
        return self.connection.recv(size)

    def sendall(self, data: bytes | memoryview) -> None:
        """Send bytes now or later. They are not copied, so they must not change."""
        if data:
            self._outgoing.append(memoryview(data))
            self._collected += len(data)
        if self._collected >= _COLLECTED:
            self.flush()

    def send(self, data: bytes) -> None:
        """Send bytes now, as far as the socket takes them."""
        self.sendall(data)
        self.flush()

    def sendfile(self, file: BinaryIO, offset: int = 0, count: int | None = None) -> None:
        """Send a part of a file now or later."""
        size = os.fstat(file.fileno()).st_size - offset if count is None else count
        if size > 0:
            self._outgoing.append(FileRange(file.fileno(), offset, size))
            self._in_files += size

    def flush(self, most: int = _AT_ONCE) -> bool:
        """Send until the socket takes no more, or ``most`` bytes were sent; return whether everything was sent."""
        with suppress(BlockingIOError):
            while self._outgoing and most > 0:
                most -= self._send_first()
        return self.is_empty

    def drain(self, seconds: float) -> bool:
        """Send until everything was sent, for at most so many seconds; return whether it was."""
        deadline = monotonic() + seconds
        while not self.flush():
            poll = select.poll()
            poll.register(self.connection, select.POLLOUT)
            if (left := deadline - monotonic()) <= 0 or not poll.poll(1000 * left):
                return False
        return True

    def close(self) -> None:
        """Close the socket, and the files that were to be sent."""
        while self._outgoing:
            self._drop_first()
        self.connection.close()

    def _send_first(self) -> int:
        first = self._outgoing[0]
        if isinstance(first, FileRange):
            sent = first.send(self.connection)
            self._in_files -= sent
            if not first.left:
                self._drop_first()
            return sent
        sent = self.connection.send(first)
        self._collected -= sent
        if sent == len(first):
            self._outgoing.popleft()
        else:
            self._outgoing[0] = first[sent:]
        return sent

    def _drop_first(self) -> None:
        first = self._outgoing.popleft()
        if isinstance(first, FileRange):
            first.close()


class BodySource:
    """Where the parser reads what was not collected: from the socket, if the request was too large for that.

    A client that vanishes or is too slow looks like one that ended its request.
    """

    def __init__(self, client: ClientSocket) -> None:
        self.waits = False  # whether `recv` waits for the client
        self.was_short = False  # whether the parser wanted more than there was
        self._socket = client.connection
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._waited = 0.0
        self._received = 0

    def recv(self, size: int) -> bytes:
        """Return the next bytes; none at the end."""
        while self.waits:
            try:
                data = self._socket.recv(min(size, _AT_MOST))
            except BlockingIOError:
                if not self._arrives():
                    break
            except ConnectionError:
                break
            else:
                self._received += len(data)
                return data
        self.waits, self.was_short = False, True
        return b""

    def _arrives(self) -> bool:
        """Wait for the client; return whether it is fast enough."""
        began = monotonic()
        if not self._poll.poll(1000 * _RATE_SECONDS):
            return False
        self._waited += monotonic() - began
        if self._waited < _RATE_SECONDS:
            return True
        is_fast = self._received >= LOWEST_RATE * self._waited
        self._waited, self._received = 0.0, 0
        return is_fast
