"""Serves the application below the path of ``PUBLIC_URL``.

A proxy passes the path on. Requests without it, such as health checks, are answered too.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request

from webapp.config import Settings
from webapp.views.page.request import services

Answer = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def init_app(app: Flask, settings: Settings) -> None:
    """Let all URLs begin with the path. It must be the last to wrap the application, so that all others see it."""
    if path := settings.public_path:
        app.config["APPLICATION_ROOT"] = path
        app.wsgi_app = _below(path, app.wsgi_app)  # type: ignore[assignment, method-assign]


def public_url_of(path: str) -> str:
    """Return a path of the application as browsers must request it."""
    return f"{request.script_root}{path}"


def absolute_url_of(path: str) -> str:
    """Return the address of a path for programs elsewhere: below ``PUBLIC_URL``, or below that of the request."""
    return f"{services().settings.public_url.rstrip('/') or request.host_url.rstrip('/') + public_url_of('')}{path}"


def own_path_of(path: str) -> str:
    """Return a path that a browser requested as a path of the application."""
    root = request.script_root
    return path.removeprefix(root) or "/" if root and (path == root or path.startswith(f"{root}/")) else path


def _below(root: str, answer: Answer) -> Answer:
    def mounted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == root or path.startswith(f"{root}/"):
            environ["PATH_INFO"] = path.removeprefix(root) or "/"
        environ["SCRIPT_NAME"] = root
        return answer(environ, start_response)

    return mounted
