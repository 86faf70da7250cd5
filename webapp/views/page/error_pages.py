"""Error pages, or fragments for htmx. They never show a traceback or a module name."""

import logging
from typing import Any
from uuid import uuid4

from flask import Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from webapp.db import resource_errors, sqlite_file
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.flows.flow_queries import FlowNotFound
from webapp.jobs.model.job import IllegalTransition, Job
from webapp.jobs.store.attachments import AttachmentNotFound
from webapp.jobs.store.file_store import StorageUnavailable
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobs.store.unique_keys import KeyConflict
from webapp.telemetry import error_reports
from webapp.telemetry.log_context import request_id
from webapp.views.page.problem_details import is_api_request, problem
from webapp.views.page.request import services, viewer, wants_fragment
from webapp.views.text import locale_choice
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

PAGES = frozenset({400, 403, 404, 405, 409, 410, 413, 416, 422, 429, 500, 503, 507})
_OURS = 500  # server errors start here
_API_SENTENCES = {
    404: "It does not exist, or this token cannot see it.",
    405: "This address does not accept this method.",
    507: "The disk is full. Nothing was saved.",
}
_log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Register a handler for every error that views and the engine raise."""
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(InternalServerError, handle_internal_error)
    app.register_error_handler(OperationalError, handle_database_down)
    app.register_error_handler(InterfaceError, handle_database_down)
    app.register_error_handler(OSError, handle_disk_full)
    app.register_error_handler(StorageUnavailable, handle_storage_unavailable)
    app.register_error_handler(JobNotFound, handle_not_found)
    app.register_error_handler(FlowNotFound, handle_not_found)
    app.register_error_handler(AttachmentNotFound, handle_not_found)
    app.register_error_handler(IllegalTransition, handle_conflict)
    app.register_error_handler(KeyConflict, handle_key_conflict)
    app.register_error_handler(TypeDisabled, handle_conflict)
    app.register_error_handler(BudgetUsedUp, handle_conflict)


def handle_http_error(error: HTTPException) -> ResponseReturnValue:
    """Render an HTTP error that a view, Flask or an extension raised; redirects pass unchanged."""
    if error.code is None or error.response is not None or error.code < 400:  # noqa: PLR2004
        return error
    description = error.description if error.description != type(error).description else None
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    return _page(error.code, sentence=translated(description or "")), error.code, headers


def handle_not_found(_error: Exception) -> ResponseReturnValue:
    """Return 404 for missing objects and for objects of other users alike."""
    return _page(404), 404


def handle_conflict(error: Exception) -> ResponseReturnValue:
    """Return 409 with the reason, for example an illegal transition or a concurrent change."""
    return _page(409, sentence=translated(str(error))), 409


def handle_key_conflict(error: KeyConflict) -> ResponseReturnValue:
    """Return 409 with a link to the job that holds the unique key, if the user can see it."""
    return _page(409, sentence=translated(str(error)), other=visible_holder(error)), 409


def visible_holder(conflict: KeyConflict) -> Job | None:
    """Return the job that holds the key, or ``None`` if it has ended or the viewer cannot see it."""
    if conflict.job_id is None:
        return None
    try:
        return services().queries.jobs.get_visible(viewer(), conflict.job_id)
    except JobNotFound:
        return None


def handle_disk_full(error: OSError | OperationalError | InterfaceError) -> ResponseReturnValue:
    """Return 507 if the disk is full; raise any other OSError again."""
    if not resource_errors.disk_is_full(error):
        raise error
    _log.error("The disk is full: %s", error)
    return _page(507), 507


def handle_storage_unavailable(error: StorageUnavailable) -> ResponseReturnValue:
    """Return 503 when the place of the files cannot be used."""
    _log.error("%s (%s)", error, error.__cause__)
    return _page(503, sentence=translated(str(error))), 503, {"Retry-After": "10"}


def handle_database_down(error: OperationalError | InterfaceError) -> ResponseReturnValue:
    """Return 503 when the database is not available."""
    if resource_errors.disk_is_full(error):
        return handle_disk_full(error)
    _log.error("The database is not responding: %s", error.orig)
    locale_choice.forget_user()  # reading the language of the user would need the database
    if sqlite_file.was_removed(error):
        sentence = _(
            "The database file was removed. Nothing is saved until an admin puts it back or restores a backup."
        )
        return _page(503, sentence=sentence), 503
    sentence = _("The database is not responding. Jobs that were started are not lost. Try again in a few seconds.")
    return _page(503, sentence=sentence), 503, {"Retry-After": "5"}


def handle_internal_error(error: InternalServerError) -> ResponseReturnValue:
    """Return 500 with a number that is also in the log."""
    number = uuid4().hex[:8]
    _log.error("Error %s on %s %s", number, request.method, request.path, exc_info=error.original_exception)
    if error.original_exception is not None:
        error_reports.report(error.original_exception, number=number, request_id=request_id.get())
    return _page(500, number=number), 500


def _page(code: int, **words: Any) -> str | Response:
    if is_api_request():
        other: Job | None = words.get("other")
        return problem(code, _detail(code, **words), job_id=other.id if other else None)
    layout = "errors/_fragment.html" if wants_fragment() else "errors/_page.html"
    if code >= _OURS:  # the database may be down, so these pages must not load the user
        locale_choice.forget_user()
    name = code if code in PAGES else _nearest(code)
    return render_template(f"errors/{name}.html", layout=layout, code=code, **words)


def _detail(code: int, *, sentence: str = "", number: str = "", other: Job | None = None) -> str:
    """Return the sentence of a problem document."""
    if number:
        return f"An unexpected error occurred. It is in the log under the number {number}."
    holder = f"It is the job {other.id}." if other else ""
    return " ".join(filter(None, (sentence or str(_API_SENTENCES.get(code, "")), holder)))


def _nearest(code: int) -> int:
    return ServiceUnavailable.code if code >= _OURS else 400
