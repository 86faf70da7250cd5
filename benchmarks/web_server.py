"""`deskjob web` on an installation, as a process of its own, with its CPU time and memory."""

import gzip
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from time import sleep
from typing import Any

import psutil
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from webapp.config import Settings


@dataclass(frozen=True)
class WebServer:
    """A running web server."""

    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str, cookie: str) -> bytes:
        """Return a page; raise unless the status is 200."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Cookie": cookie})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            message = f"{path} answered with {answer.status}"
            raise RuntimeError(message)
        return body

    def receive(self, path: str, cookie: str) -> tuple[str, int]:
        """Return the text of a response, and how many bytes a browser receives for it, with its headers."""
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip, br\r\nCookie: {cookie}\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(f"{request}Connection: close\r\n\r\n".encode())
            with connection.makefile("rb") as stream:
                received = stream.read()
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            message = f"{path} answered with {head.splitlines()[0].decode()}"
            raise RuntimeError(message)
        packed = b"content-encoding: gzip" in head.lower()
        return (gzip.decompress(body) if packed else body).decode(), len(received)

    def cpu_seconds(self) -> float:
        """Return the CPU time of all of its processes so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def memory(self) -> int:
        """Return its memory in bytes: what processes share counts once (PSS)."""
        return sum(process.memory_full_info().pss for process in self._processes())

    def _processes(self) -> list[psutil.Process]:
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]


@contextmanager
def serve(settings: Settings, **environment: str) -> Iterator[WebServer]:
    """Run the web server with these settings until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "webapp.cli", "web", "--port", str(port)]
    variables = {**os.environ, **settings.as_environment(), **environment}
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not _answers(port):
                if process.poll() is not None:
                    message = f"the web server ended with status {process.returncode}"
                    raise RuntimeError(message)
                sleep(0.05)
            yield WebServer(port, process)
        finally:
            process.terminate()


def session_cookie(app: Flask, token: str) -> str:
    """Return the cookie of a signed-in browser."""
    interface = SecureCookieSessionInterface()
    serializer: Any = interface.get_signing_serializer(app)
    return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps({'_user_id': token})}"


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
