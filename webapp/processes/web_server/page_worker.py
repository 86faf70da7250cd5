"""A serving process: clients that are slow or send nothing cost a socket each, and no thread.

The main thread receives. Only when a request has arrived completely, a thread serves it, and it never waits for its
client: what the client does not take at once is sent by a thread for all of them (`response_sender`). Five things
have a few threads of their own, and more of them wait for their turn: the polls of open pages, for which nobody waits;
reading an upload, which has one for as long as it lasts; a request for a stored file, until its storage has brought
the first bytes; and a response that is generated, or fetched from a storage, while it is sent, which has one only while
its client takes it.
"""

import errno
import math
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from gunicorn.http import get_parser, wsgi
from gunicorn.workers.gthread import ThreadWorker

from webapp.processes.web_server.client_socket import BodySource, ClientSocket
from webapp.processes.web_server.incoming_request import Arrival, IncomingRequest
from webapp.processes.web_server.page_priority import PagePriority
from webapp.processes.web_server.response_sender import ResponseSender
from webapp.views.page.user_shares import STREAMS_OF_A_USER, UPLOADS_OF_A_USER

# threads for uploads, and for generated responses whose clients do not take them at once; no user holds more than half.
# Files that are fetched from a storage have as many threads of their own: all of them can wait for it at once
UPLOADS, STREAMS = 2 * UPLOADS_OF_A_USER, 2 * STREAMS_OF_A_USER
POLLS = 2  # threads for polls: hundreds at once, after a restart or a pause, leave a page its share of the processor
IDLE_SECONDS = 75.0  # that a connection stays open without a request: longer than the pause between any two polls
_LINGER_SECONDS = 2.0  # to let a client read the response before the connection is closed
LAST_SECONDS = 2  # of a stop, for the ends of responses that it cuts off
_SWEEP_SECONDS = 0.5
_READ = 256 * 1024  # bytes at once
_UNREAD_LIMIT = 64 * 1024  # bytes that a response runs ahead of its client in memory before it needs another thread
_PATIENCE_SECONDS = 0.1  # that a thread of the streams waits for a client before it serves another one
_TURN_SECONDS = 1.0  # after which a response waits for its next turn
_SMALL = 16 * 1024  # bytes of a request that is never closed to save memory
_INCOMING_LIMIT = 64 * 1024 * 1024  # bytes in memory of all requests that are not answered
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NOTHING_TO_ACCEPT = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED})
_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Client:
    """A connection, and the request or response that is under way on it.

    gunicorn's `ThreadWorker.handle` uses the attributes ``sock``, ``client``, ``server`` and ``parser``.
    """

    initialized = data_ready = True
    is_http2 = False

    def __init__(self, cfg: Any, connection: socket.socket, address: Any, server: Any) -> None:
        self.sock = ClientSocket(connection)
        self.client = address
        self.server = server
        self.source = BodySource(self.sock)
        self.parser = get_parser(cfg, self.source, address)
        self.request = IncomingRequest()
        self.held = 0  # bytes of the request that count towards the limit of memory
        self.since = self.deadline = 0.0  # while it waits for the client
        self.is_page = False  # whether a thread of the pages serves its request
        self.leaves = False  # whether it is closed as soon as the client has read the response

    def init(self) -> None:
        """Do nothing: the constructor did it."""


class _BodyFailedError(Exception):
    """A body could not be read to its end; unlike an `OSError`, it is no failure of the connection to the client."""


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request, and the response that the application has not begun yet."""

    request: Any
    response: Any
    environ: dict[str, Any]
    began: datetime


@dataclass(slots=True, eq=False)
class _Answer:
    """A response that is being generated, or was and is being sent."""

    request: Any
    response: Any
    environ: dict[str, Any]
    body: Iterable[bytes]
    parts: Iterator[bytes | memoryview]
    context: Context  # the parts can be read by another thread than the one that called the application
    began: datetime
    is_written: bool = False  # to the client's socket, and the body is closed

    def write(self, client: ClientSocket, patience: float) -> bool:
        """Write the parts that are left; return whether that were all.

        It stops when the client has not taken what waits for it within ``patience`` seconds, and when its turn ends.
        """
        ends = time.monotonic() + _TURN_SECONDS
        while client.waiting_bytes <= _UNREAD_LIMIT or client.drain(patience):
            if (part := self._next_part()) is None:
                self._check_length()
                return True
            self._write_part(part, client)
            if time.monotonic() >= ends:
                break
        return False

    def _next_part(self) -> bytes | memoryview | None:
        try:
            return self.context.run(next, self.parts, None)
        except OSError as error:
            raise _BodyFailedError(str(error)) from error

    def _check_length(self) -> None:
        """Raise an error if the client still waits for bytes: it would read the next response as the rest of this."""
        response = self.response
        if not response._omits_body and response.sent < (response.response_length or 0):  # noqa: SLF001
            raise _BodyFailedError("The body is shorter than its Content-Length.")

    def _write_part(self, part: bytes | memoryview, client: ClientSocket) -> None:
        response = self.response
        if isinstance(part, bytes) or response.response_length is None or response._omits_body:  # noqa: SLF001
            response.write(bytes(part))
            return
        # As `Response.write` does, which takes nothing but `bytes`: a copy of each part would cost a fifth of the time
        response.send_headers()
        part = part[: response.response_length - response.sent]
        response.sent += len(part)
        client.sendall(part)


_Outcome = bool | _Exchange | _Answer  # whether the connection can be kept, or what another thread goes on with


def _parts(body: Iterable[bytes], response: Any, environ: dict[str, Any]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a body. A file with a descriptor has none: the kernel sends it, all that was announced."""
    if not isinstance(body, environ["wsgi.file_wrapper"]):
        yield from chain(body)  # which has no `close`: dropping this iterator must not close the body once more
    elif response.sendfile(body):
        response.sent = response.response_length or 0
    else:
        pieces: Callable[[], Iterator[memoryview]] | None = getattr(body.filelike, "pieces", None)
        yield from pieces() if pieces else body


class PageWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn declares no types
    """gunicorn's threaded worker with another way to receive requests and to send responses.

    Its application has the method ``waits_for_storage``, which tells whether a request does.
    """

    def init_process(self) -> None:
        """Start the threads, then serve until a stop."""
        self._waiting: dict[Client, None] = {}  # for bytes of their clients, the longest first
        self._incoming = 0  # bytes that clients hold
        self._answers: dict[_Answer, Client] = {}  # that are not in the access log yet
        self._swept_at, self._cut_off_at = 0.0, math.inf
        self._polls = ThreadPoolExecutor(POLLS, "poll")
        self._priority = PagePriority()
        self._uploads = ThreadPoolExecutor(UPLOADS, "upload")
        self._streams = ThreadPoolExecutor(STREAMS, "stream")
        self._openings = ThreadPoolExecutor(STREAMS, "opening")
        self._stored_files = ThreadPoolExecutor(STREAMS, "stored-file")
        self._sender = ResponseSender()
        self._sender.start()
        try:
            super().init_process()
        finally:  # also at a stop that waits for nothing
            for threads in (self._polls, self._uploads, self._streams, self._openings, self._stored_files):
                threads.shutdown(wait=False, cancel_futures=True)
            self._sender.stop()
            for answer, client in list(self._answers.items()):  # whose threads wait for something
                self._log_once(answer, client)
                client.sock.connection.close()

    # Receiving: in the main thread

    def accept(self, listener: Any) -> None:
        """Accept a connection. If there is no room for another one, close the one that has waited longest."""
        try:
            connection, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._close_longest_waiting()
            elif error.errno not in _NOTHING_TO_ACCEPT:
                raise
            return
        self.nr_conns += 1
        client = Client(self.cfg, connection, address, listener.getsockname())
        self._await(client, IDLE_SECONDS)
        if self.nr_conns >= self.worker_connections:
            self._close_longest_waiting()
        self._receive(client)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  (gunicorn's signature)
        """Disconnect the clients that sent nothing or too little within their time."""
        now = time.monotonic()
        if not force and now - self._swept_at < _SWEEP_SECONDS:
            return
        self._swept_at = now
        if now >= self._cut_off_at:
            self._cut_off_answers()
        for client in [client for client in self._waiting if force or client.deadline <= now]:
            if client.request.size and not client.leaves:
                with suppress(OSError):
                    client.sock.connection.send(_TIMEOUT)
            self._close(client)

    def murder_pending(self) -> None:
        """Do nothing: `murder_keepalived` is about all waiting clients."""

    def _cap_keepalive(self, deadline: float) -> None:
        """At a stop: give a client that has not sent the head of a request only until ``deadline``.

        A response has almost the whole grace period: a process that does not end within it is killed, and logs nothing.
        """
        self._cut_off_at = time.monotonic() + self.cfg.graceful_timeout - LAST_SECONDS
        for client in self._waiting:
            if client.request.arrival is not Arrival.PART_OF_BODY:
                client.deadline = min(client.deadline, deadline)

    def _cut_off_answers(self) -> None:
        """Disconnect the clients of responses that have not ended; these end like those of clients that went away."""
        for client in list(self._answers.values()):
            with suppress(OSError):
                client.sock.connection.shutdown(socket.SHUT_RDWR)

    def _await(self, client: Client, seconds: float) -> None:
        client.since = time.monotonic()
        client.deadline = client.since + seconds
        self._waiting[client] = None
        self.poller.register(client.sock, selectors.EVENT_READ, lambda _socket: self._receive(client))

    def _receive(self, client: Client) -> None:
        if client not in self._waiting:  # closed since its bytes arrived
            return
        try:
            data = client.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(client)
        elif not client.leaves:
            self._take(client, data)

    def _take(self, client: Client, data: bytes) -> None:
        """Add bytes to the request of a waiting client; serve it when it is complete."""
        if not client.request.size:
            client.since = time.monotonic()
        arrival = client.request.feed(data)
        self._hold(client, client.request.size)
        if client not in self._waiting:
            return
        if arrival in {Arrival.COMPLETE, Arrival.LARGE}:
            self._stop_waiting(client)
            self._serve(client, arrival)
        elif arrival is not Arrival.NOTHING:
            client.deadline = client.since + client.request.seconds
            if client.request.waits_for_continue:
                with suppress(OSError):
                    client.sock.connection.send(_CONTINUE)

    def _hold(self, client: Client, size: int) -> None:
        """Count the bytes of a request; close connections, the oldest first, while there are too many of them."""
        self._incoming += size - client.held
        client.held = size
        while self._incoming > _INCOMING_LIMIT:
            if (large := next((other for other in self._waiting if other.held > _SMALL), None)) is None:
                break
            self._close(large)

    def _stop_waiting(self, client: Client) -> None:
        del self._waiting[client]
        self.poller.unregister(client.sock)

    def _close_longest_waiting(self) -> None:
        if client := next(iter(self._waiting), None):
            self._close(client)

    def _close(self, client: Client) -> None:
        if client in self._waiting:
            self._stop_waiting(client)
        client.sock.close()
        self.nr_conns -= 1
        self._hold(client, 0)

    # Serving: in the threads of the pages, the polls, the uploads and the streams

    def _serve(self, client: Client, arrival: Arrival) -> None:
        client.source.waits = arrival is Arrival.LARGE
        is_poll = client.request.is_poll
        client.parser.unreader.unread(client.request.take())
        if client.source.waits:
            self._submit(self._uploads, client, self.handle, client)
        elif is_poll:
            self._submit(self._polls, client, self._handle_poll, client)
        else:
            client.is_page = True
            self._priority.page_begins()
            self._submit(self.tpool, client, self.handle, client)

    def _submit(self, threads: ThreadPoolExecutor, client: Client, work: Any, *arguments: Any) -> None:
        future = threads.submit(work, *arguments)
        future.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, client, future))

    def _handle_poll(self, client: Client) -> _Outcome:
        self._priority.let_pages_go_first()
        outcome: _Outcome = self.handle(client)
        return outcome

    def handle_request(self, req: Any, conn: Client) -> _Outcome:
        """Serve a request; return whether the connection can be kept, or what is left for another thread."""
        began = datetime.now()  # noqa: DTZ005  (gunicorn logs the difference)
        req._expected_100_continue &= conn.source.waits  # noqa: SLF001  (`_take` has answered it already)
        response, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = True
        self.nr += 1
        if not self.alive or conn.source.waits:  # after a body that may not have been read, no other request follows
            response.force_close()
        exchange = _Exchange(req, response, environ, began)
        if not conn.source.waits and self.app.waits_for_storage(environ):
            return exchange
        return self._answer(exchange, conn)

    def _answer(self, exchange: _Exchange, client: Client) -> _Outcome:
        environ, response, context = exchange.environ, exchange.response, copy_context()
        body = context.run(self.wsgi, environ, response.start_response)
        parts = _parts(body, response, environ)
        answer = _Answer(exchange.request, response, environ, body, parts, context, exchange.began)
        self._answers[answer] = client
        return self._write(answer, client, patience=0)

    def _answer_from_storage(self, exchange: _Exchange, client: Client) -> _Outcome:
        try:
            return self._keepalive_after(client, self._answer(exchange, client))
        except OSError:  # the client went away
            return False
        except Exception as error:  # noqa: BLE001  (as gunicorn does for other requests)
            self.handle_error(exchange.request, client.sock, client.client, error)
            return False

    def _write(self, answer: _Answer, client: Client, *, patience: float) -> bool | _Answer:
        """Write a response or the rest of it; return what `handle_request` returns."""
        response = answer.response
        try:
            if not answer.is_written and not self._write_body(answer, client, patience):
                return answer
            client.sock.flush()
        except OSError:
            self._end(answer, client)
            raise
        except Exception:
            if not response.headers_sent:
                self._answers.pop(answer, None)
                self._close_body(answer)
                raise  # so that `handle_error` answers with the status 500, and writes that one into the log
            self._end(answer, client)
            self.log.exception("Error handling request")
            return False
        if not client.sock.is_empty:
            return answer
        self._end(answer, client)
        return not response.should_close()

    def _write_body(self, answer: _Answer, client: Client, patience: float) -> bool:
        if not answer.write(client.sock, patience):
            return False
        answer.response.close()
        answer.is_written = True
        self._close_body(answer)
        return True

    def _write_rest(self, answer: _Answer, client: Client) -> _Outcome:
        try:
            return self._keepalive_after(client, self._write(answer, client, patience=_PATIENCE_SECONDS))
        except OSError:  # the client went away
            return False

    def _end(self, answer: _Answer, client: Client) -> None:
        self._log_once(answer, client)
        if not answer.is_written:
            self._close_body(answer)

    def _log_once(self, answer: _Answer, client: Client) -> None:
        """Write the line of the access log, with the number of bytes that the client has taken."""
        if not self._answers.pop(answer, None):
            return
        answer.response.sent = max(0, answer.response.sent - client.sock.unsent_bytes)
        duration = datetime.now() - answer.began  # noqa: DTZ005
        self.log.access(answer.response, answer.request, answer.environ, duration)

    def _close_body(self, answer: _Answer) -> None:
        try:
            if close := getattr(answer.body, "close", None):
                answer.context.run(close)
        except Exception:
            self.log.exception("Error closing a response")

    def _keepalive_after(self, conn: Client, keepalive: _Outcome) -> _Outcome:
        """Return the result of `handle_request`; a connection is kept only if its next byte starts a request."""
        if keepalive is True:
            return bool(conn.parser.finish_body()) and not conn.source.was_short
        return keepalive

    # What follows: in the main thread

    def finish_request(self, conn: Client, fs: "Future[_Outcome]") -> None:
        """Send what is left of a response, then wait for the next request or close the connection."""
        self._hold(conn, 0)
        if conn.is_page:
            conn.is_page = False
            self._priority.page_ends()
        if fs.cancelled() or fs.exception():
            self._close(conn)
            return
        outcome = fs.result()
        if conn.sock.is_empty:
            self._go_on(conn, outcome)
        else:
            self._sender.send(
                conn.sock, lambda was_sent: self.method_queue.defer(self._after_sending, conn, was_sent, outcome)
            )

    def _after_sending(self, client: Client, was_sent: bool, outcome: _Outcome) -> None:  # noqa: FBT001
        if was_sent:
            self._go_on(client, outcome)
            return
        if isinstance(outcome, _Answer):
            self._threads_of(outcome).submit(self._end, outcome, client)
        self._close(client)

    def _go_on(self, client: Client, outcome: _Outcome) -> None:
        """Write more of a response whose client has taken everything so far, or wait for what follows it."""
        if isinstance(outcome, _Exchange):
            self._submit(self._openings, client, self._answer_from_storage, outcome, client)
        elif isinstance(outcome, _Answer):
            self._submit(self._threads_of(outcome), client, self._write_rest, outcome, client)
        else:
            self._follow(client, keep=outcome)

    def _threads_of(self, answer: _Answer) -> ThreadPoolExecutor:
        if answer.is_written:  # and only its line of the access log is left
            return self.tpool  # type: ignore[no-any-return]
        is_file = isinstance(answer.body, answer.environ["wsgi.file_wrapper"])
        return self._stored_files if is_file else self._streams

    def _follow(self, client: Client, *, keep: bool) -> None:
        if keep:
            client.request = IncomingRequest()
            self._await(client, IDLE_SECONDS if self.alive else _LINGER_SECONDS)
            if begun := client.parser.unreader.take_buffered():
                self._take(client, begun)
            return
        client.leaves = True
        self._await(client, _LINGER_SECONDS)
        try:
            client.sock.connection.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(client)
