"""Security and caching headers of every response."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from flask import Flask, Response, request

from webapp.config import Settings

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # with no-referrer Flask-WTF refuses forms over https
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
)
_HSTS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
_FLASK_DEFAULTS = (None, "no-cache")  # the values when a view sets nothing (`send_file`: no-cache)


def init_app(app: Flask, settings: Settings) -> None:
    """Add the headers to all responses, including errors and static files."""
    app.after_request(partial(_add, response_headers(settings)))


def response_headers(settings: Settings) -> Mapping[str, str]:
    """Return the headers for this installation; also used for static files."""
    return {**ALWAYS, **_HSTS} if settings.public_url.startswith("https:") else ALWAYS


def _add(headers: Mapping[str, str], response: Response) -> Response:
    # each question to `response.headers` compares all names, so they are read once
    present = {name.lower(): value for name, value in response.headers}
    for name, value in headers.items():
        if name.lower() not in present:
            response.headers.add(name, value)
    if request.endpoint != "static":
        if "vary" in present:
            response.vary.add("HX-Request")
        else:
            response.headers.add("Vary", "HX-Request")
        if present.get("cache-control") in _FLASK_DEFAULTS:
            response.headers["Cache-Control"] = "no-store"
    return response
