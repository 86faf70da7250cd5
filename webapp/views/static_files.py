"""Static files, served before the application is asked: compressed once per process, kept by browsers for good.

An address with a version (`assets.py`) is kept for a year and never asked for again; one without, for a minute.
"""

import shutil
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from urllib.parse import parse_qs
from wsgiref.headers import Headers

from flask import Flask
from whitenoise import WhiteNoise
from whitenoise.compress import Compressor

from webapp.config import Settings
from webapp.views.security.headers import response_headers

_making = Lock()
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class StaticFiles:
    """Answers what is in the folder of static files; hands everything else on."""

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
        with _making:  # a page's first load asks for all of its files at once, each in a thread
            self._served = self._served or (self._white_noise(kept=False), self._white_noise(kept=True))
            return self._served

    def _white_noise(self, *, kept: bool) -> Wsgi:
        served: Wsgi = WhiteNoise(
            self._application,
            root=str(compressed_copy(self._folder)),
            prefix=self._prefix,
            max_age=60,
            allow_all_origins=False,
            immutable_file_test=lambda _path, _url: kept,
            add_headers_function=self._add_headers,
        )
        return served

    def _add_headers(self, headers: Headers, _path: str, _url: str) -> None:
        for name, value in self._headers.items():
            headers[name] = value


def init_app(app: Flask, settings: Settings) -> None:
    """Serve the application's static files, with the same security headers as its pages."""
    folder, prefix = Path(app.static_folder or ""), f"{app.static_url_path}/"
    app.wsgi_app = StaticFiles(app.wsgi_app, folder, prefix, dict(response_headers(settings)))  # type: ignore[method-assign]


@cache
def compressed_copy(folder: Path) -> Path:
    """Return a copy of a folder in which each file that gains by it has a compressed twin; until this process ends."""
    copy = Path(_kept().name) / "static"
    shutil.copytree(folder, copy)
    compressor = Compressor(use_brotli=False, quiet=True)
    for file in [file for file in copy.rglob("*") if file.is_file() and compressor.should_compress(file.name)]:
        compressor.compress(str(file))
    return copy


@cache
def _kept() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="deskjob-static-")
