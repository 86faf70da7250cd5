"""One connection for all that a request reads: a page asks a dozen small questions."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from webapp.database import sharing_reads


def init_app(app: Flask) -> None:
    """Wrap ``app``; what is streamed after the request takes its connections one by one."""
    app.wsgi_app = _sharing(app.wsgi_app)  # type: ignore[method-assign]


def _sharing(answer: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def shared(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with sharing_reads():
            return answer(environ, start_response)

    return shared
