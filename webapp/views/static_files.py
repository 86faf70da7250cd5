"""Static files, served before the application runs: compressed once per process, cached by browsers.

A URL with a version (`page/assets.py`) is cached for a year and never revalidated; one without, for a
minute.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import cache
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryDirectory, gettempdir
from threading import Lock
from typing import Any
from urllib.parse import parse_qs
from wsgiref.headers import Headers

from flask import Flask
from whitenoise import WhiteNoise
from whitenoise.compress import Compressor

from webapp.config import Settings
from webapp.views.security.headers import response_headers

_PREFIX, _LOCK = "deskjob-static-", "lock"
_NEW_SECONDS = 60.0  # a copy whose process may not hold its lock yet
_build_lock = Lock()
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class StaticFiles:
    """WSGI middleware that serves the folder of static files and passes on other requests."""

    def __init__(self, application: Wsgi, folder: Path, prefix: str, headers: dict[str, str]) -> None:
        self._application = application
        self._folder = folder
        self._prefix = prefix
        self._headers = headers
        self._served: tuple[Wsgi, Wsgi] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        reads = environ["REQUEST_METHOD"] in {"GET", "HEAD"}
        if not (reads and environ.get("PATH_INFO", "").startswith(self._prefix)):
            return self._application(environ, start_response)
        versioned = "v" in parse_qs(environ.get("QUERY_STRING", ""))
        return self._both()[versioned](environ, start_response)

    def _both(self) -> tuple[Wsgi, Wsgi]:
        with _build_lock:  # the first load of a page requests all files at once, each in a thread
            self._served = self._served or (self._white_noise(immutable=False), self._white_noise(immutable=True))
            return self._served

    def _white_noise(self, *, immutable: bool) -> Wsgi:
        served: Wsgi = WhiteNoise(
            self._application,
            root=str(compressed_copy(self._folder)),
            prefix=self._prefix,
            max_age=60,
            allow_all_origins=False,
            immutable_file_test=lambda _path, _url: immutable,
            add_headers_function=self._add_headers,
        )
        return served

    def _add_headers(self, headers: Headers, _path: str, _url: str) -> None:
        for name, value in self._headers.items():
            headers[name] = value


def init_app(app: Flask, settings: Settings) -> None:
    """Serve static files with the same security headers as pages."""
    folder, prefix = Path(app.static_folder or ""), f"{app.static_url_path}/"
    app.wsgi_app = StaticFiles(app.wsgi_app, folder, prefix, dict(response_headers(settings)))  # type: ignore[method-assign]


@cache
def compressed_copy(folder: Path) -> Path:
    """Return a copy of the folder with compressed variants of its files; it lasts as long as the process."""
    copy = Path(_temporary_folder().name) / "static"
    shutil.copytree(folder, copy)
    compressor = Compressor(use_brotli=False, quiet=True)
    for file in [file for file in copy.rglob("*") if file.is_file() and compressor.should_compress(file.name)]:
        compressor.compress(str(file))
    return copy


@cache
def _temporary_folder() -> "TemporaryDirectory[str]":
    _remove_abandoned(Path(gettempdir()))
    folder = TemporaryDirectory(prefix=_PREFIX)
    # stays open until this process, and those that it has forked, have ended
    flock(os.open(Path(folder.name) / _LOCK, os.O_CREAT | os.O_WRONLY, 0o600), LOCK_EX)
    return folder


def _remove_abandoned(parent: Path) -> None:
    """Remove the copies of processes that were killed: nobody holds the lock of such a copy."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError):  # in use, of another user, or removed meanwhile
            there = lock.lstat()
            if there.st_uid != os.getuid() or not S_ISREG(there.st_mode) or time.time() - there.st_mtime < _NEW_SECONDS:
                continue
            with lock.open() as file:
                flock(file, LOCK_EX | LOCK_NB)
                shutil.rmtree(lock.parent)
