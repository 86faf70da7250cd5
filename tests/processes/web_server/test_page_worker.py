"""A serving process, in a thread of the test: one thread for pages, which slow clients must not hold."""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.sock import create_sockets

from tests.installation import PATIENCE_SECONDS, wait_for
from tests.threads import threads
from webapp.jobs.store.file_store import CHUNK
from webapp.processes.web_server import client_socket, incoming_request, page_worker, response_sender
from webapp.processes.web_server.client_socket import ClientSocket
from webapp.processes.web_server.incoming_request import BODY_LIMIT
from webapp.processes.web_server.page_worker import STREAMS, PageWorker

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


HALVES = {
    "nothing": b"",
    "head": b"GET /page HTTP/1.1\r\nHost: x\r\nX-A: b\r\n",
    "body": b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf",
    "chunk": b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nhalf",
}


@pytest.mark.parametrize("half", HALVES)
def test_half_sent_requests_hold_no_thread(server: Server, half: str) -> None:
    with ExitStack() as clients:
        for _ in range(30):
            clients.enter_context(server.connect(HALVES[half]))
        assert server.get() == (200, b"GET /page")


def test_a_request_that_arrives_byte_by_byte_is_answered(server: Server) -> None:
    with server.connect() as client:
        for byte in b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":
            client.sendall(bytes([byte]))
        assert answer_on(client).read() == b"3"


def test_a_connection_serves_one_request_after_the_other(server: Server) -> None:
    connection = HTTPConnection(*server.address, timeout=PATIENCE_SECONDS)
    sockets = set()
    for number in range(5):
        connection.request("POST", "/count", b"x" * number)
        assert connection.getresponse().read() == str(number).encode()
        sockets.add(connection.sock)
    assert len(sockets) == 1
    connection.close()


def test_requests_that_arrive_together_are_answered_in_order(server: Server) -> None:
    requests = (f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for name in "abc")
    with server.connect(b"".join(requests)) as client:
        answers = b""
        while answers.count(b"GET /") < 3:
            answers += client.recv(65536)
    places = [answers.index(f"GET /{name}".encode()) for name in "abc"]
    assert places == sorted(places)


def test_a_body_in_chunks_is_received(server: Server) -> None:
    assert server.get("/count", "POST", iter([b"abc", b"d" * 70_000])) == (200, b"70003")


def test_the_head_of_a_response_has_no_body(server: Server) -> None:
    with server.connect(b"HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        answer = answer_on(client, "HEAD")
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(FILE_MEGABYTES * MEGABYTE))
        client.sendall(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_on(client).read() == b"GET /next"


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_is_received_while_it_is_sent_and_closes_the_connection(server: Server, chunked: bool) -> None:
    framing = {} if chunked else {"Content-Length": str(20 * MEGABYTE)}
    connection = HTTPConnection(*server.address, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/count", (CONTENT for _ in range(20)), framing, encode_chunked=chunked)
    answer = connection.getresponse()
    assert answer.headers["Connection"] == "close"
    assert answer.read() == str(20 * MEGABYTE).encode()
    connection.close()


def test_slow_uploads_hold_no_thread_of_the_pages(server: Server) -> None:
    head = f"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_LIMIT + 10}\r\n\r\n".encode()
    with ExitStack() as clients:
        uploads = [clients.enter_context(server.connect(head, b"12345")) for _ in range(page_worker.UPLOADS + 2)]
        wait_for(lambda: len(server.site.received) == page_worker.UPLOADS)
        assert server.get() == (200, b"GET /page")
        for upload in uploads:  # those above the number of threads are served when others have ended
            upload.sendall(bytes(BODY_LIMIT + 5))
        assert {answer_on(upload).read() for upload in uploads} == {str(BODY_LIMIT + 10).encode()}


def test_polls_hold_no_thread_of_the_pages(server: Server) -> None:
    poll = b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Poll: 1\r\n\r\n"
    with ExitStack() as clients:
        polls = [clients.enter_context(server.connect(poll)) for _ in range(page_worker.POLLS + 2)]
        wait_for(lambda: server.site.slow == page_worker.POLLS)
        assert server.get() == (200, b"GET /page")
        assert server.site.slow == page_worker.POLLS
        server.site.released.set()  # those above the number of threads are answered after the others
        assert {answer_on(client).read() for client in polls} == {b"slow"}


def test_every_page_that_begins_ends(server: Server) -> None:
    with server.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"):
        wait_for(lambda: server.site.slow == 1)
        assert server.worker._priority._pages == 1
    server.site.released.set()
    for path in ("/page", "/broken", "/generated"):
        server.get(path)
    wait_for(lambda: server.worker._priority._pages == 0)


def test_an_upload_that_is_not_read_is_answered(server: Server) -> None:
    with server.connect(f"POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: {5 * MEGABYTE}\r\n\r\n".encode()) as client:
        assert answer_on(client).read() == b"POST /page"
        assert is_closed(client)


@pytest.mark.parametrize("size", [5, BODY_LIMIT + 5])
def test_a_client_that_asks_before_it_sends_is_told_to_go_on_once(server: Server, size: int) -> None:
    head = f"POST /count HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n\r\n"
    with server.connect(head.encode()) as client:
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(bytes(size))
        assert answer_on(client).read() == str(size).encode()


DOWNLOADS = ["/file", "/stored", "/pieces", "/generated"]


@pytest.mark.parametrize("path", DOWNLOADS)
def test_slow_downloads_hold_no_thread_and_arrive_whole(server: Server, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as clients:
        downloads = [clients.enter_context(server.connect(request, buffer=65536)) for _ in range(3)]
        answers = [answer_on(download) for download in downloads]
        for _ in range(5):
            assert server.get() == (200, b"GET /page")
        for answer in answers:
            for _ in range(FILE_MEGABYTES):
                assert answer.read(MEGABYTE) == CONTENT
            assert answer.read() == (b"the request" if path == "/generated" else b"")


@pytest.mark.parametrize("path", DOWNLOADS)
def test_a_slow_download_has_at_most_one_part_in_memory(
    server: Server, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sendall, waiting = ClientSocket.sendall, [0]

    def counted(client: ClientSocket, data: bytes | memoryview) -> None:
        sendall(client, data)
        waiting.append(client.waiting_bytes)

    monkeypatch.setattr(ClientSocket, "sendall", counted)
    with server.connect(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), buffer=65536) as client:
        answer = answer_on(client)
        for _ in range(FILE_MEGABYTES):
            assert answer.read(MEGABYTE) == CONTENT
    assert max(waiting) <= page_worker._UNREAD_LIMIT + MEGABYTE + 1000  # and the ends of a chunk


def test_more_slow_downloads_than_threads_keep_no_other_download_waiting(server: Server) -> None:
    request = b"GET /generated HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as clients:
        downloads = [clients.enter_context(server.connect(request, buffer=65536)) for _ in range(STREAMS + 2)]
        answers = [answer_on(download) for download in downloads]
        assert server.get("/generated")[1].endswith(b"the request")
        for answer in answers:
            assert answer.read(MEGABYTE) == CONTENT
            answer.close()
    wait_for(lambda: not server.worker.nr_conns)  # the server has closed its ends too


def test_downloads_that_wait_for_their_storage_keep_no_generated_response_waiting(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_worker, "_TURN_SECONDS", 0)
    with ExitStack() as clients:
        clients.callback(Stuck.released.set)
        Stuck.released.clear()
        request = b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n"
        for stuck in [clients.enter_context(server.connect(request)) for _ in range(STREAMS + 2)]:
            assert answer_on(stuck).read(MEGABYTE) == CONTENT
        assert server.get("/generated")[1].endswith(b"the request")


def test_requests_that_wait_for_a_storage_hold_no_thread_of_the_pages(server: Server) -> None:
    request = b"GET /opening HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as clients:
        clients.callback(server.site.released.set)
        waiting = [clients.enter_context(server.connect(request)) for _ in range(STREAMS + 2)]
        for path in ("/page", "/stored", "/generated"):
            assert server.get(path)[0] == 200
        server.site.released.set()
        for client in waiting:
            assert answer_on(client).read() == b"opened"
            client.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer_on(client).read() == b"GET /page"


@pytest.mark.parametrize("path", DOWNLOADS)
def test_a_download_of_many_turns_arrives_whole(server: Server, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_worker, "_TURN_SECONDS", 0)
    assert server.get(path)[1] == FILE_MEGABYTES * CONTENT + (b"the request" if path == "/generated" else b"")


@pytest.mark.parametrize("path", DOWNLOADS)
def test_the_head_of_a_download_has_no_body(server: Server, path: str) -> None:
    with server.connect(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) as client:
        assert answer_on(client, "HEAD").read() == b""


@pytest.mark.parametrize("path", DOWNLOADS)
def test_a_connection_is_kept_after_a_download(server: Server, path: str) -> None:
    with server.connect(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) as client:
        assert len(answer_on(client).read()) >= FILE_MEGABYTES * MEGABYTE
        client.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_on(client).read() == b"GET /page"


def test_a_connection_that_had_a_slow_download_holds_no_thread_later(server: Server) -> None:
    request = b"GET /generated HTTP/1.1\r\nHost: x\r\n\r\n"
    with server.connect(request, buffer=65536) as client:
        assert answer_on(client).read().endswith(b"the request")
        client.sendall(request)
        answer = answer_on(client)
        assert server.get() == (200, b"GET /page")
        answer.close()
    wait_for(lambda: not server.worker.nr_conns)


def test_clients_that_leave_leave_nothing_behind(server: Server) -> None:
    sent = [*HALVES.values(), b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /generated HTTP/1.1\r\nHost: x\r\n\r\n"]
    for data in sent:
        server.connect(data).close()
    assert server.get() == (200, b"GET /page")
    wait_for(lambda: not server.worker.nr_conns)
    assert server.worker._incoming == 0


def test_the_body_of_a_client_that_leaves_is_closed_once(server: Server) -> None:
    server.site.body = body = Body(FILE_MEGABYTES)
    with server.connect(b"GET /body HTTP/1.1\r\nHost: x\r\n\r\n", buffer=65536) as client:
        answer_on(client).close()
    wait_for(lambda: not server.worker.nr_conns)
    server.stop()
    assert body.closed == ["the request"]
    assert server.logged == ["200 OK"]


def assert_ends_early(client: socket.socket, parts: int) -> None:
    """Assert that a response ends after these parts, or is an error without any, and its connection with it."""
    answer = answer_on(client)
    if parts:
        with pytest.raises(IncompleteRead) as broken:
            answer.read()
        assert broken.value.partial == parts * CONTENT
    else:
        assert answer.status == 500
        answer.read()
    assert is_closed(client)


@pytest.mark.parametrize("failure", [OSError("broken"), ValueError("broken")])
@pytest.mark.parametrize("parts", [0, 1, 20])
def test_a_body_that_fails_ends_the_response_and_is_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture, parts: int, failure: Exception
) -> None:
    server.site.body = body = Body(parts, failure)
    with server.connect(b"GET /body HTTP/1.1\r\nHost: x\r\n\r\n", buffer=65536) as client:
        assert_ends_early(client, parts)
    assert "broken" in caplog.text
    assert body.closed == ["the request"]
    assert server.logged == ["200 OK" if parts else "500 Internal Server Error"]


@pytest.mark.parametrize("parts", [0, 1, 20])
def test_a_body_that_is_too_short_ends_the_connection(
    server: Server, caplog: pytest.LogCaptureFixture, parts: int
) -> None:
    server.site.body = body = Body(parts)
    request = b"GET /body HTTP/1.1\r\nHost: x\r\n\r\n"
    with server.connect(request, b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n", buffer=65536) as client:
        assert_ends_early(client, parts)
    assert "shorter than its Content-Length" in caplog.text
    assert body.closed == ["the request"]
    assert server.logged == ["200 OK" if parts else "500 Internal Server Error"]


def test_a_body_that_cannot_be_closed_is_in_the_log_and_its_response_is_whole(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.site.body = Body(FILE_MEGABYTES, fails_closing=True)
    with server.connect(b"GET /body HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        assert answer_on(client).read() == FILE_MEGABYTES * CONTENT
        client.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_on(client).read() == b"GET /page"
    assert "ValueError: close" in caplog.text


def test_a_malformed_request_is_rejected(server: Server) -> None:
    for sent, status in ((b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000, 431)):
        with server.connect(sent) as client:
            assert answer_on(client).status == status
            assert is_closed(client)


def test_a_failure_of_the_application_is_an_error_500(server: Server) -> None:
    assert server.get("/broken")[0] == 500
    assert server.get() == (200, b"GET /page")


@pytest.mark.parametrize("half", ["head", "body", "chunk"])
def test_a_request_that_takes_too_long_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch, half: str) -> None:
    for name in ("HEAD_SECONDS", "BODY_SECONDS"):
        monkeypatch.setattr(incoming_request, name, 0.1)
    monkeypatch.setattr(incoming_request, "LOWEST_RATE", 1e9)
    with serving(file) as server, server.connect(HALVES[half]) as client:
        assert answer_on(client).status == 408
        assert is_closed(client)


def test_an_idle_connection_is_closed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_worker, "IDLE_SECONDS", 0.1)
    with serving(file) as server, server.connect() as client:
        assert is_closed(client)


def test_a_download_that_stalls_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (client_socket, response_sender):
        monkeypatch.setattr(module, "STALL_SECONDS", 0.2)
    with serving(file) as server:
        for path in ("file", "generated"):
            with server.connect(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), buffer=65536):
                wait_for(lambda: server.worker.nr_conns)
                wait_for(lambda: not server.worker.nr_conns)


@pytest.mark.parametrize("pieces", [0, 1_000_000])
def test_an_upload_that_is_too_slow_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    monkeypatch.setattr(client_socket, "_RATE_SECONDS", 0.2)
    head = f"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: {5 * MEGABYTE}\r\n\r\n".encode()
    with serving(file) as server, server.connect(head) as client:
        client.settimeout(0.01)
        for _ in range(pieces):
            client.send(b"x")
            try:
                client.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                continue
            break
        client.settimeout(PATIENCE_SECONDS)
        assert answer_on(client).read().isdigit()
        assert server.site.received[0][0] < MEGABYTE


def test_the_client_that_has_waited_longest_makes_room(file: Path) -> None:
    with serving(file, connections=20) as server, ExitStack() as clients:
        idle = [clients.enter_context(server.connect()) for _ in range(60)]
        assert server.get() == (200, b"GET /page")
        assert all(is_closed(client) for client in idle[:40])
        idle[-1].sendall(b"GET /last HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_on(idle[-1]).read() == b"GET /last"


def test_half_sent_requests_have_a_limit_of_memory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_worker, "_INCOMING_LIMIT", MEGABYTE)
    half = b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + bytes(500_000)
    with serving(file) as server, ExitStack() as clients:
        halves = [clients.enter_context(server.connect(half)) for _ in range(6)]
        assert all(is_closed(client) for client in halves[:3])
        assert server.get() == (200, b"GET /page")
        wait_for(lambda: server.worker._incoming <= MEGABYTE)


def test_no_descriptor_is_left_open(file: Path) -> None:
    with serving(file) as server:
        server.get()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(5):
            server.get("/file")
            server.connect(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n", buffer=65536).close()
        wait_for(lambda: not server.worker.nr_conns)
        assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


def test_a_stop_ends_idle_connections_and_waits_for_responses(server: Server) -> None:
    request = b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"
    with server.connect() as idle, server.connect(request, buffer=65536) as download:
        answer = answer_on(download)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert is_closed(idle)
        assert len(answer.read()) == FILE_MEGABYTES * MEGABYTE
    stopping.join(PATIENCE_SECONDS)
    assert not stopping.is_alive()


def body_until_end(client: socket.socket) -> bytes:
    """Read a response until its connection ends; return its body, with the sizes of the chunks if it has any."""
    received = bytearray()
    while data := client.recv(MEGABYTE):
        received += data
    return bytes(received).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("path", [*DOWNLOADS, "/stuck"])
def test_a_download_that_a_stop_cuts_off_is_in_the_log_with_what_was_sent(
    file: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(page_worker, "LAST_SECONDS", 1.9)
    Stuck.released.clear()
    with serving(file, grace=2) as server, ExitStack() as stack:
        stack.callback(Stuck.released.set)
        client = stack.enter_context(server.connect(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), buffer=65536))
        wait_for(lambda: client.recv(1, socket.MSG_PEEK))
        server.stop()
        body = body_until_end(client)
        assert server.logged == ["200 OK"]
        assert len(body) - 100 <= server.logged_bytes[0] <= len(body) < FILE_MEGABYTES * MEGABYTE


@pytest.mark.parametrize("path", DOWNLOADS)
def test_a_download_whose_client_leaves_is_in_the_log_with_what_was_sent(server: Server, path: str) -> None:
    with server.connect(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), buffer=65536) as client:
        client.recv(1000)
    wait_for(lambda: server.logged)
    assert 0 < server.logged_bytes[0] < FILE_MEGABYTES * MEGABYTE
    assert server.get(path)[0] == 200
    wait_for(lambda: len(server.logged) == 2)
    assert server.logged_bytes[1] >= FILE_MEGABYTES * MEGABYTE


def test_hundreds_of_idle_connections_hold_no_thread_and_are_kept(file: Path) -> None:
    with serving(file) as server, ExitStack() as clients:
        open_pages = [clients.enter_context(server.connect()) for _ in range(500)]
        before = threads()
        for _ in range(2):
            for page in open_pages:
                page.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
            for page in open_pages:
                assert answer_on(page).read() == b"GET /page"
        assert len(threads() - before) <= 1  # the one that serves pages starts with the first of them
        assert server.worker.nr_conns == 500


def test_a_body_is_read_in_pieces_that_the_parser_need_not_copy_again() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        source = client_socket.BodySource(client_socket.ClientSocket(ours))
        source.waits = True
        writer = threading.Thread(target=theirs.sendall, args=[CONTENT])
        writer.start()
        received = b""
        while len(received) < len(CONTENT):
            piece = source.recv(MEGABYTE)
            assert len(piece) <= CHUNK
            received += piece
        writer.join()
        assert received == CONTENT
