"""What went wrong, as a page for people, or as a fragment for htmx. No trace, no module name."""

import logging
from uuid import uuid4

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import AnonymousUserMixin
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from webapp.jobs.attachments import AttachmentNotFound
from webapp.jobs.job import IllegalTransition
from webapp.jobs.store import JobNotFound

PAGES = frozenset({400, 403, 404, 405, 409, 410, 413, 416, 422, 429, 500, 503})
_OURS = 500  # from here on the fault is on this side
_log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Answer every error with a page that says what can be done."""
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(InternalServerError, broken)
    app.register_error_handler(OperationalError, unavailable)
    app.register_error_handler(InterfaceError, unavailable)
    app.register_error_handler(JobNotFound, unknown)
    app.register_error_handler(AttachmentNotFound, unknown)
    app.register_error_handler(IllegalTransition, conflicting)


def refused(error: HTTPException) -> ResponseReturnValue:
    """Answer an HTTP error that a view, Flask or an extension raised; redirects pass."""
    if error.code is None or error.response is not None or error.code < 400:  # noqa: PLR2004
        return error
    said = error.description if error.description != type(error).description else None
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return _page(error.code, sentence=said or ""), error.code, headers


def unknown(_error: Exception) -> ResponseReturnValue:
    """Say the same of what is not there and of what belongs to somebody else."""
    return _page(404), 404


def conflicting(error: IllegalTransition) -> ResponseReturnValue:
    """Say why a job cannot go where it was sent."""
    return _page(409, sentence=str(error)), 409


def unavailable(error: OperationalError | InterfaceError) -> ResponseReturnValue:
    """Say that the database does not answer."""
    _log.error("The database does not answer: %s", error.orig)
    sentence = _("The database does not answer. Nothing that was started is lost. Try again in a few seconds.")
    return _page(503, sentence=sentence), 503, {"Retry-After": "5"}


def broken(error: InternalServerError) -> ResponseReturnValue:
    """Give the failure a number, the same in the log and on the page."""
    number = uuid4().hex[:8]
    _log.error("Error %s on %s %s", number, request.method, request.path, exc_info=error.original_exception)
    return _page(500, number=number), 500


def _page(code: int, **words: str) -> str:
    layout = "errors/_fragment.html" if "HX-Request" in request.headers else "errors/_page.html"
    if code >= _OURS:
        _ask_for_nobody()
    name = code if code in PAGES else _nearest(code)
    return render_template(f"errors/{name}.html", layout=layout, code=code, **words)


def _ask_for_nobody() -> None:
    """Let the page not ask who is signed in: a fault of ours may be the database's, which would be asked."""
    g._login_user = AnonymousUserMixin()  # noqa: SLF001  (where Flask-Login looks first)


def _nearest(code: int) -> int:
    return ServiceUnavailable.code if code >= _OURS else 400
