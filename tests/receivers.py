"""A real mail server and a real receiver of webhooks, which keep what they get."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

LOOPBACK = "127.0.0.1"


class Inbox:
    """What a mail server has received; ``reply`` is what it says to each recipient or message, if not OK."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refused: dict[str, str] = {}
        self.reply = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.reply:
            return self.reply
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        self.recipients.append(envelope.rcpt_tos)
        return "250 OK"


class AnyPort(Controller):
    """A server at a free port, which it learns from its socket."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server_of(inbox: Inbox) -> Iterator[Controller]:
    """Run a mail server that puts what it receives into an inbox."""
    controller = AnyPort(inbox, hostname=LOOPBACK, port=0, server_hostname="mail.example.org")
    controller.start()
    yield controller
    controller.stop(no_assert=True)


@dataclass
class Receiver:
    """An HTTP server that keeps what is posted to it, and answers with the given status."""

    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def documents(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    """Run a receiver of webhooks."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            kept.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.status)
            for name, value in {"Content-Length": "0", **kept.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    kept.url = f"http://{LOOPBACK}:{server.server_port}/hooks/secret-path"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()
