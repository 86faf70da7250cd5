"""The id of each request: in the logs, in the response, and in the events of the jobs that the request changes.

A trusted proxy can send it in ``X-Request-ID``, so that its own log has the same one. Nobody else can choose it.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from flask_login import current_user
from uuid_utils.compat import uuid7

from webapp.config import Settings
from webapp.telemetry import log_context
from webapp.views.security.default_deny import PUBLIC
from webapp.views.security.trusted_proxies import is_trusted_proxy

HEADER = "X-Request-ID"
FIELDS = "deskjob.log_fields"  # in the environment of a request: what its line in the access log says
_USABLE = re.compile(r"[\w.~+/=:@-]{8,64}", re.ASCII).fullmatch


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id; call it after the address of the client is settled by `trusted_proxies`."""
    app.before_request(_name_user)
    app.wsgi_app = _identifying(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]


def _name_user() -> None:
    if request.endpoint not in PUBLIC and current_user.is_authenticated:
        log_context.add_request_fields(user=current_user.name)


def _identifying(answer: Callable[..., Iterable[bytes]], proxies: str) -> Callable[..., Iterable[bytes]]:
    def identified(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = _sent_id(environ, proxies) or uuid7().hex

        def start(status: str, headers: list[tuple[str, str]], *arguments: Any) -> Any:
            return start_response(status, [*headers, (HEADER, request_id)], *arguments)

        with log_context.request(request_id):
            try:
                return answer(environ, start)
            finally:
                environ[FIELDS] = log_context.log_fields()

    return identified


def _sent_id(environ: dict[str, Any], proxies: str) -> str:
    """Return the id that a trusted proxy sent, if it is one."""
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    trusted = proxies and is_trusted_proxy(proxies, environ.get("REMOTE_ADDR", ""))
    return sent if trusted and _USABLE(sent) else ""
