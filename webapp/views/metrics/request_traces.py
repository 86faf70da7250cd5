"""A span for each request, if traces are switched on. A trusted proxy can continue its trace with ``traceparent``."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from webapp.config import Settings
from webapp.telemetry import traces
from webapp.telemetry.log_context import request_id
from webapp.views.metrics.request_counts import ENDPOINT, NO_ROUTE
from webapp.views.security.trusted_proxies import is_trusted_proxy

_SERVER_ERROR = "5"


def init_app(app: Flask, settings: Settings) -> None:
    """Trace every request; must precede `request_id`, which names the request."""
    app.wsgi_app = _traced(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]


def _traced(answer: Callable[..., Iterable[bytes]], proxies: str) -> Callable[..., Iterable[bytes]]:
    def traced(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not traces.is_on():
            return answer(environ, start_response)
        trusted = proxies and is_trusted_proxy(proxies, environ.get("REMOTE_ADDR", ""))
        parent = environ.get("HTTP_TRACEPARENT", "") if trusted else ""
        method, attributes = environ["REQUEST_METHOD"], {"deskjob.request_id": request_id.get()}
        with traces.span(method, serves=True, parent=parent, **attributes) as span:

            def start(status: str, *arguments: Any) -> Any:
                span.set_attribute("http.response.status_code", int(status[:3]))
                if status.startswith(_SERVER_ERROR):
                    traces.mark_failed(span, status)
                return start_response(status, *arguments)

            try:
                return answer(environ, start)
            finally:
                endpoint = environ.get(ENDPOINT, NO_ROUTE)
                span.update_name(f"{method} {endpoint}")
                span.set_attributes({"http.request.method": method, "http.route": endpoint})

    return traced
