"""A thread that sends what clients did not take at once: downloads, and pages to slow clients."""

import selectors
from collections.abc import Callable
from functools import partial
from time import monotonic

from gunicorn.workers.gthread import PollableMethodQueue

from webapp.os_process import start_thread
from webapp.processes.web_server.client_socket import STALL_SECONDS, ClientSocket

_TURN_SECONDS = 1.0
Ended = Callable[[bool], object]


class ResponseSender:
    """Sends to any number of clients at once, each as fast as it takes the bytes.

    Reading a file from a slow disk delays other downloads, but neither the threads of pages nor the thread that
    receives requests.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._requests = PollableMethodQueue()
        self._requests.init()
        self._selector.register(self._requests.fileno(), selectors.EVENT_READ, self._requests.run_callbacks)
        self._last_sent: dict[ClientSocket, tuple[float, Ended]] = {}
        self._stopped = False

    def send(self, client: ClientSocket, ended: Ended) -> None:
        """Send everything, then call ``ended`` in this thread: with False if the client went away or stalled."""
        self._requests.defer(self._add, client, ended)

    def start(self) -> None:
        """Start the thread."""
        start_thread(self._run, "response-sender")

    def stop(self) -> None:
        """Let the thread end; what was not sent is lost."""
        self._requests.defer(self._stop)

    def _stop(self) -> None:
        self._stopped = True

    def _run(self) -> None:
        checked_at = monotonic()
        while not self._stopped:
            for key, _ in self._selector.select(_TURN_SECONDS):
                key.data(key.fileobj)
            if (now := monotonic()) - checked_at >= _TURN_SECONDS:
                self._end_stalled(now)
                checked_at = now
        self._selector.close()
        self._requests.close()

    def _add(self, client: ClientSocket, ended: Ended) -> None:
        self._last_sent[client] = (monotonic(), ended)
        self._selector.register(client, selectors.EVENT_WRITE, partial(self._send_some, ended=ended))

    def _send_some(self, client: ClientSocket, ended: Ended) -> None:
        try:
            if client.flush():
                self._end(client, was_sent=True)
            else:
                self._last_sent[client] = (monotonic(), ended)
        except OSError:
            self._end(client, was_sent=False)

    def _end_stalled(self, now: float) -> None:
        for client in [client for client, (sent_at, _) in self._last_sent.items() if now - sent_at > STALL_SECONDS]:
            self._end(client, was_sent=False)

    def _end(self, client: ClientSocket, *, was_sent: bool) -> None:
        self._selector.unregister(client)
        _, ended = self._last_sent.pop(client)
        ended(was_sent)
