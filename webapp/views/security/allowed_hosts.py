"""Rejects requests for unknown host names, once ``public_url`` says which name is ours.

Flask's TRUSTED_HOSTS would do it, but Werkzeug 3.1 cuts ``[::1]`` at its first colon.
"""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, request
from werkzeug.exceptions import BadRequest

from webapp.config import Settings
from webapp.views.text.translations import gettext as _

_HEALTH = "health"  # load balancers know the addresses of processes only, and the answers contain none
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def init_app(app: Flask, settings: Settings) -> None:
    """Reject unknown host names; without ``public_url`` every name is accepted."""
    app.wsgi_app = _refusing_malformed(app.wsgi_app)  # type: ignore[method-assign]
    if public := urlsplit(settings.public_url).hostname:
        app.before_request(partial(_refuse_foreign_host, {public, *_LOOPBACK}))


def _refusing_malformed(answer: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Answer 400 for a malformed host name: without a valid one, Flask cannot even render an error page."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            environ.get("HTTP_HOST", "").lower().encode("idna")
        except UnicodeError:
            return BadRequest()(environ, start_response)
        return answer(environ, start_response)

    return guarded


def _refuse_foreign_host(own: Collection[str]) -> None:
    if request.blueprint != _HEALTH and _name(request.host) not in own:
        abort(400, _("This host name does not belong to this site."))


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
