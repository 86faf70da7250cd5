"""What went wrong, as a page for people, or as a fragment for htmx. No trace, no module name."""

import logging
from uuid import uuid4

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from webapp.db import resource_errors
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.model.job import IllegalTransition
from webapp.jobs.store.attachments import AttachmentNotFound
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobs.store.unique_keys import UniqueKeyTaken
from webapp.views.text import locale_choice
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

PAGES = frozenset({400, 403, 404, 405, 409, 410, 413, 416, 422, 429, 500, 503, 507})
_OURS = 500  # from here on the fault is on this side
_log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Answer every error with a page that says what can be done."""
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(InternalServerError, broken)
    app.register_error_handler(OperationalError, unavailable)
    app.register_error_handler(InterfaceError, unavailable)
    app.register_error_handler(OSError, without_room)
    app.register_error_handler(JobNotFound, unknown)
    app.register_error_handler(AttachmentNotFound, unknown)
    app.register_error_handler(IllegalTransition, conflicting)
    app.register_error_handler(UniqueKeyTaken, conflicting)
    app.register_error_handler(TypeDisabled, conflicting)


def refused(error: HTTPException) -> ResponseReturnValue:
    """Answer an HTTP error that a view, Flask or an extension raised; redirects pass."""
    if error.code is None or error.response is not None or error.code < 400:  # noqa: PLR2004
        return error
    said = error.description if error.description != type(error).description else None
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return _page(error.code, sentence=translated(said or "")), error.code, headers


def unknown(_error: Exception) -> ResponseReturnValue:
    """Say the same of what is not there and of what belongs to somebody else."""
    return _page(404), 404


def conflicting(error: Exception) -> ResponseReturnValue:
    """Say why it cannot be done: a job cannot go where it was sent, somebody else was faster."""
    return _page(409, sentence=translated(str(error))), 409


def without_room(error: OSError | OperationalError | InterfaceError) -> ResponseReturnValue:
    """Say that the disk is full; any other error of the system is a fault of ours."""
    if not resource_errors.disk_is_full(error):
        raise error
    _log.error("The disk is full: %s", error)
    return _page(507), 507


def unavailable(error: OperationalError | InterfaceError) -> ResponseReturnValue:
    """Say that the database does not answer."""
    if resource_errors.disk_is_full(error):
        return without_room(error)
    _log.error("The database does not answer: %s", error.orig)
    locale_choice.forget_person()  # whose language would be asked of the database
    sentence = _("The database does not answer. Nothing that was started is lost. Try again in a few seconds.")
    return _page(503, sentence=sentence), 503, {"Retry-After": "5"}


def broken(error: InternalServerError) -> ResponseReturnValue:
    """Give the failure a number, the same in the log and on the page."""
    number = uuid4().hex[:8]
    _log.error("Error %s on %s %s", number, request.method, request.path, exc_info=error.original_exception)
    return _page(500, number=number), 500


def _page(code: int, **words: str) -> str:
    layout = "errors/_fragment.html" if "HX-Request" in request.headers else "errors/_page.html"
    if code >= _OURS:  # it may be the database's fault, so these pages must not ask it who is signed in
        locale_choice.forget_person()
    name = code if code in PAGES else _nearest(code)
    return render_template(f"errors/{name}.html", layout=layout, code=code, **words)


def _nearest(code: int) -> int:
    return ServiceUnavailable.code if code >= _OURS else 400
