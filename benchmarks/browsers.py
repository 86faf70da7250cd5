"""Open pages in browsers: each polls as its page says, on a connection that it keeps. Runs in a process of its own.

`Browsers` starts it; `python -m benchmarks.browsers` is that process. It reads its orders as JSON from standard
input, one a line, and answers with one line. It ends when its standard input is closed.
"""

import gzip
import html
import json
import re
import selectors
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import random
from time import monotonic
from types import TracebackType
from typing import Any, Self

_EVERY = 2.0  # seconds between two polls of one part of a page
_GIVEN_UP_AFTER = 10.0  # seconds, as in the pages
_GOOD = frozenset({200, 204, 304})
_POLLED = re.compile(r"<[a-z]+ [^>]*\bdata-poll\b[^>]*>")
_ATTRIBUTE = re.compile(r'\b(id|hx-get|hx-ptag)="([^"]*)"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TAG = re.compile(rb"\r\nhx-ptag: *(\S+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Polls:
    """What happened to the polls of a period; ``p95`` is in seconds."""

    polls: int
    changed: int
    failed: int
    reconnected: int
    p95: float
    reasons: Mapping[str, int]


class Browsers:
    """Open browsers that poll until the block ends."""

    def __init__(self, port: int, pages: Iterable[tuple[str, str]], count: int) -> None:
        """Spread ``count`` browsers over ``pages``, each the cookie of a user and the HTML of a page."""
        opened = [{"cookie": cookie, "polled": polled_parts(page)} for cookie, page in pages]
        self._order = {"port": port, "pages": opened, "count": count}

    def __enter__(self) -> Self:
        """Start."""
        command = [sys.executable, "-m", "benchmarks.browsers"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ask(self._order)
        return self

    def measure(self, seconds: float) -> Polls:
        """Return what happens to the polls from now on."""
        return Polls(**self._ask({"seconds": seconds}))

    def __exit__(self, _type: type[BaseException] | None, _: object, _traceback: TracebackType | None) -> None:
        """Close all pages."""
        self._process.communicate()

    def begin(self, seconds: float) -> None:
        """Measure from now on; `end` waits for the result."""
        self._send({"seconds": seconds})

    def end(self) -> Polls:
        """Return what happened to the polls since `begin`."""
        return Polls(**self._read())

    def _ask(self, order: object) -> Any:
        self._send(order)
        return self._read()

    def _send(self, order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def polled_parts(page: str) -> dict[str, tuple[str, str]]:
    """Return the parts of a page or fragment that refresh themselves: by id the URL and the change tag."""
    parts = {}
    for element in _POLLED.findall(page):
        found = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(element)}
        if "hx-get" in found:
            parts[found["id"]] = (found["hx-get"], found.get("hx-ptag", ""))
    return parts


@dataclass(slots=True)
class _Part:
    """A part of an open page."""

    id: str
    url: str
    tag: str
    due: float


@dataclass(eq=False, slots=True)
class _Browser:
    """An open page and its connection; one request at a time."""

    port: int
    cookie: str
    parts: list[_Part]
    connection: socket.socket | None = None
    asked: _Part | None = None
    began: float = 0.0
    is_again: bool = False  # the request was sent again, because the kept connection had been closed
    received: bytearray = field(default_factory=bytearray)

    def request(self) -> bytes:
        """Return the bytes of a poll."""
        assert self.asked is not None
        tag = f"HX-PTag: {self.asked.tag}\r\n" if self.asked.tag else ""
        return (
            f"GET {self.asked.url} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: keep-alive\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
            "Accept: text/html\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
            f"Cookie: {self.cookie}\r\nHX-Request: true\r\nX-Poll: 1\r\n{tag}"
            f"HX-Current-URL: http://127.0.0.1:{self.port}/jobs\r\nSec-Fetch-Dest: empty\r\n"
            "Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\n\r\n"
        ).encode()

    def response(self) -> tuple[int, bytes, bytes] | None:
        """Return the status, head and body that have arrived; None while they have not."""
        head, separator, body = bytes(self.received).partition(b"\r\n\r\n")
        if not separator:
            return None
        status = int(head[9:12])
        length = _LENGTH.search(head)
        expected = 0 if status in {204, 304} or length is None else int(length[1])
        return (status, head, body) if len(body) >= expected else None


class _Load:
    """All browsers, in one loop."""

    def __init__(self, port: int, pages: list[dict[str, Any]], count: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        self._browsers = [_Browser(port, **self._page(pages[number % len(pages)])) for number in range(count)]
        self._waiting = deque[_Browser]()
        self._until = float("inf")
        self._forget()

    def _page(self, page: dict[str, Any]) -> dict[str, Any]:
        now = monotonic()
        parts = [_Part(name, url, tag, now + _EVERY * random()) for name, (url, tag) in page["polled"].items()]
        return {"cookie": page["cookie"], "parts": parts}

    def _forget(self) -> None:
        self._seconds: list[float] = []
        self._changed = self._reconnected = 0
        self._reasons: dict[str, int] = {}

    def run(self) -> None:
        """Poll until standard input is closed."""
        while True:
            now = monotonic()
            if now >= self._until:
                self._report()
            self._start_due(now)
            for key, _ in self._selector.select(0.01):
                if key.data is None:
                    line = sys.stdin.readline()
                    if not line:
                        return
                    self._forget()
                    self._until = monotonic() + json.loads(line)["seconds"]
                else:
                    self._receive(key.data)

    def _start_due(self, now: float) -> None:
        for browser in self._browsers:
            if browser.asked is not None:
                if now - browser.began > _GIVEN_UP_AFTER:
                    self._fail(browser, "no answer")
                continue
            part = min(browser.parts, key=lambda part: part.due, default=None)
            if part is not None and part.due <= now:
                part.due = max(part.due + _EVERY, now)
                browser.asked, browser.began, browser.is_again = part, now, False
                self._send(browser)

    def _send(self, browser: _Browser) -> None:
        browser.received.clear()
        try:
            if browser.connection is None:
                browser.connection = socket.create_connection(("127.0.0.1", browser.port), timeout=_GIVEN_UP_AFTER)
                browser.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(browser.connection, selectors.EVENT_READ, browser)
            browser.connection.sendall(browser.request())
        except OSError as error:
            self._lose(browser, str(error))

    def _receive(self, browser: _Browser) -> None:
        assert browser.connection is not None
        try:
            data = browser.connection.recv(1 << 18)
        except OSError as error:
            self._lose(browser, str(error))
            return
        if not data:
            self._lose(browser, "closed")
            return
        browser.received += data
        if browser.asked is not None and (response := browser.response()):
            self._end(browser, *response)

    def _lose(self, browser: _Browser, reason: str) -> None:
        """Handle a connection that was closed: a browser opens another one for its request, once."""
        self._close(browser)
        if browser.asked is None:
            return
        if browser.is_again or browser.received:
            self._fail(browser, reason)
        else:
            browser.is_again = True
            self._reconnected += 1
            self._send(browser)

    def _fail(self, browser: _Browser, reason: str) -> None:
        self._reasons[reason] = self._reasons.get(reason, 0) + 1
        self._close(browser)
        browser.asked = None

    def _close(self, browser: _Browser) -> None:
        if browser.connection is not None:
            self._selector.unregister(browser.connection)
            browser.connection.close()
            browser.connection = None

    def _end(self, browser: _Browser, status: int, head: bytes, body: bytes) -> None:
        part, browser.asked = browser.asked, None
        assert part is not None
        self._seconds.append(monotonic() - browser.began)
        if status not in _GOOD:
            self._reasons[str(status)] = self._reasons.get(str(status), 0) + 1
        elif status == 200:
            self._changed += 1
            if b"Content-Encoding: gzip" in head:
                body = gzip.decompress(body)
            part.url, part.tag = polled_parts(body.decode()).get(part.id, (part.url, part.tag))
            if tag := _TAG.search(head):
                part.tag = tag[1].decode()

    def _report(self) -> None:
        self._until = float("inf")
        ordered = sorted(self._seconds) or [0.0]
        polls = Polls(
            polls=len(self._seconds),
            changed=self._changed,
            failed=sum(self._reasons.values()),
            reconnected=self._reconnected,
            p95=ordered[int(0.95 * (len(ordered) - 1))],
            reasons=self._reasons,
        )
        _answer(vars(polls))


def _answer(answer: object) -> None:
    print(json.dumps(answer), flush=True)


def main() -> None:
    """Open the pages of the first order, then measure as the next ones say."""
    order = json.loads(sys.stdin.readline())
    load = _Load(**order)
    _answer(None)
    with suppress(KeyboardInterrupt):
        load.run()


if __name__ == "__main__":
    main()
