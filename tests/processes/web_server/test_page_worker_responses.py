"""Sending: slow downloads hold no thread, and each response ends with its line in the log."""

import os
import socket
import threading
from contextlib import ExitStack
from http.client import IncompleteRead
from pathlib import Path

import pytest

from tests.installation import PATIENCE_SECONDS, wait_for
from tests.processes.web_server.conftest import (
    CONTENT,
    FILE_MEGABYTES,
    MEGABYTE,
    Body,
    Server,
    Stuck,
    answer_on,
    is_closed,
    serving,
)
from webapp.processes.web_server import client_socket, page_worker, response_sender
from webapp.processes.web_server.client_socket import ClientSocket
from webapp.processes.web_server.page_worker import STREAMS


def test_the_head_of_a_response_has_no_body(server: Server) -> None:
    with server.connect(b"HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        answer = answer_on(client, "HEAD")
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(FILE_MEGABYTES * MEGABYTE))
        client.sendall(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer_on(client).read() == b"GET /next"


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


def test_a_failure_of_the_application_is_an_error_500(server: Server) -> None:
    assert server.get("/broken")[0] == 500
    assert server.get() == (200, b"GET /page")


def test_a_download_that_stalls_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (client_socket, response_sender):
        monkeypatch.setattr(module, "STALL_SECONDS", 0.2)
    with serving(file) as server:
        for path in ("file", "generated"):
            with server.connect(f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), buffer=65536):
                wait_for(lambda: server.worker.nr_conns)
                wait_for(lambda: not server.worker.nr_conns)


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
