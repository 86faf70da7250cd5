"""A serving process, in a thread of the test, and the application that it serves: one thread for pages."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.sock import create_sockets

from tests.installation import PATIENCE_SECONDS
from webapp.processes.web_server.page_worker import PageWorker

MEGABYTE = 1024 * 1024
CONTENT = os.urandom(MEGABYTE)
FILE_MEGABYTES = 40  # more than all buffers of a connection
_shown: ContextVar[str] = ContextVar("shown", default="nothing")


class Stored:
    """A file that the kernel cannot send, because it has no descriptor here."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.read, self.close = self._file.read, self._file.close


class Pieces(Stored):
    """One that can also be read without a copy, and has become longer since its length was sent."""

    def pieces(self) -> Iterator[memoryview]:
        while data := self.read(MEGABYTE):
            yield memoryview(data)
        yield memoryview(b"more")


class Stuck(Stored):
    """One whose storage has brought the first part and brings no other until it is told to."""

    released = threading.Event()

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read = self._read

    def _read(self, size: int) -> bytes:
        if self._file.tell():
            self.released.wait(PATIENCE_SECONDS)
        return self._file.read(size)


class Body:
    """A response in parts, which fails instead of one of them; closing it can fail as well."""

    def __init__(self, parts: int, failure: Exception | None = None, *, fails_closing: bool = False) -> None:
        self.closed: list[str] = []  # what the context variable was each time
        self._parts = iter([CONTENT] * parts)
        self._failure, self._fails_closing = failure, fails_closing

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if part := next(self._parts, b""):
            return part
        raise self._failure or StopIteration

    def close(self) -> None:
        self.closed.append(_shown.get())
        if self._fails_closing:
            raise ValueError("close")


class Site:
    """A WSGI application with everything that a server has to send and to receive."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.body = Body(0)
        self.received: list[list[int]] = []  # of each body so far
        self.released = threading.Event()  # ends the wait of every request of /slow and /opening
        self.slow = 0  # requests of the first that have begun

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, body = environ["PATH_INFO"], environ["wsgi.input"]
        if path == "/file":
            size = self.file.stat().st_size
            start_response("200 OK", [("Content-Length", str(size)), ("Accept-Ranges", "bytes")])
            return environ["wsgi.file_wrapper"](self.file.open("rb"))  # type: ignore[no-any-return]
        if kind := {"/stored": Stored, "/pieces": Pieces, "/stuck": Stuck}.get(path):
            start_response("200 OK", [("Content-Length", str(self.file.stat().st_size))])
            return environ["wsgi.file_wrapper"](kind(self.file), MEGABYTE)  # type: ignore[no-any-return]
        if path == "/generated":
            _shown.set("the request")
            start_response("200 OK", [])
            return self._generated()
        if path == "/body":
            _shown.set("the request")
            start_response("200 OK", [("Content-Length", str(FILE_MEGABYTES * MEGABYTE))])
            return self.body
        if path == "/count":
            self.received.append(count := [0])
            while data := body.read(65536):
                count[0] += len(data)
            answer = str(count[0]).encode()
        elif path == "/slow":
            self.slow += 1
            self.released.wait(PATIENCE_SECONDS)
            answer = b"slow"
        elif path == "/broken":
            raise ValueError(path)
        elif path == "/opening":
            self.released.wait(PATIENCE_SECONDS)
            answer = b"opened"
        else:
            answer = f"{environ['REQUEST_METHOD']} {path}".encode()
        start_response("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]

    def _generated(self) -> Iterator[bytes]:
        for _ in range(FILE_MEGABYTES):
            yield CONTENT
        yield _shown.get().encode()


class _Configured(BaseApplication):  # type: ignore[misc]
    def __init__(self, site: Site, connections: int, grace: int) -> None:
        self._site, self._connections, self._grace = site, connections, grace
        super().__init__()

    def load_config(self) -> None:
        options = {"bind": "127.0.0.1:0", "threads": 1, "worker_connections": self._connections, "keepalive": 75}
        options["graceful_timeout"] = self._grace
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Site:
        return self._site

    def waits_for_storage(self, environ: Mapping[str, Any]) -> bool:
        return bool(environ["PATH_INFO"] == "/opening")


class _Worker(PageWorker):
    def init_signals(self) -> None:
        """Leave the signals to the tests."""


class Server:
    def __init__(self, file: Path, connections: int = 1000, grace: int = 30) -> None:
        self.site = Site(file)
        app = _Configured(self.site, connections, grace)
        log = Logger(app.cfg)
        sockets = create_sockets(app.cfg, log)
        self.address = sockets[0].sock.getsockname()
        self.worker = _Worker(1, os.getppid(), sockets, app, 30, app.cfg, log)
        self.logged: list[str] = []  # the statuses in the access log
        self.logged_bytes: list[int] = []
        self.worker.log.access = self._record
        self._thread = threading.Thread(target=self.worker.init_process, daemon=True)
        self._thread.start()

    def connect(self, *sent: bytes, buffer: int | None = None) -> socket.socket:
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(PATIENCE_SECONDS)
        client.connect(self.address)
        for data in sent:
            client.sendall(data)
        return client

    def get(self, path: str = "/page", method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def _record(self, response: Any, *_: Any) -> None:
        self.logged.append(response.status)
        self.logged_bytes.append(response.sent)

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self.worker.handle_exit(0, None)
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        self.worker.tmp.close()
        for end in self.worker.PIPE:
            os.close(end)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site") / "file"
    with path.open("wb") as file:
        for _ in range(FILE_MEGABYTES):
            file.write(CONTENT)
    return path


@contextmanager
def serving(file: Path, **options: int) -> Iterator[Server]:
    server = Server(file, **options)
    yield server
    close_answers()  # before the server stops: it waits for clients that could read more
    server.stop()


@pytest.fixture
def server(file: Path) -> Iterator[Server]:
    with serving(file) as server:
        yield server


_answers: list[HTTPResponse] = []


@pytest.fixture(autouse=True)
def closed_answers() -> Iterator[None]:
    yield
    close_answers()


def close_answers() -> None:
    while _answers:
        _answers.pop().close()


def answer_on(client: socket.socket, method: str = "GET") -> HTTPResponse:
    """Read the head of a response; the test closes it at its end."""
    answer = HTTPResponse(client, method=method)
    _answers.append(answer)
    answer.begin()
    return answer


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionError:
        return True
