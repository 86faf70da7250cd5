"""Receiving: clients that are slow, or send half a request, hold no thread."""

import socket
import threading
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.installation import PATIENCE_SECONDS, wait_for
from tests.processes.web_server.conftest import CONTENT, MEGABYTE, Server, answer_on, is_closed, serving
from tests.threads import threads
from webapp.jobs.store.file_store import CHUNK
from webapp.processes.web_server import client_socket, incoming_request, page_worker
from webapp.processes.web_server.incoming_request import BODY_LIMIT

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


def test_clients_that_leave_leave_nothing_behind(server: Server) -> None:
    sent = [*HALVES.values(), b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /generated HTTP/1.1\r\nHost: x\r\n\r\n"]
    for data in sent:
        server.connect(data).close()
    assert server.get() == (200, b"GET /page")
    wait_for(lambda: not server.worker.nr_conns)
    assert server.worker._incoming == 0


def test_a_malformed_request_is_rejected(server: Server) -> None:
    for sent, status in ((b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000, 431)):
        with server.connect(sent) as client:
            assert answer_on(client).status == status
            assert is_closed(client)


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
