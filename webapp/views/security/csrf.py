"""CSRF protection: a token in every form, and the Sec-Fetch-Site header of the browser."""

from typing import Any, NoReturn

from flask import Flask, request
from flask_wtf.csrf import CSRFError, CSRFProtect

from webapp.views.page.problem_details import is_api_request
from webapp.views.text.translations import lazy_gettext

_READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_SENTENCE = lazy_gettext(
    "Nothing was changed because this form has expired or was not sent from this site. "
    "Go back, reload the page and try again."
)


class _Protect(CSRFProtect):  # type: ignore[misc]
    def protect(self, **options: Any) -> None:
        if not is_api_request():  # no cookie authorises it
            super().protect(**options)

    def _error_response(self, reason: str) -> NoReturn:  # noqa: ARG002  (it is logged already)
        raise CSRFError(_SENTENCE)


def init_app(app: Flask) -> None:
    """Check every unsafe request. The token lasts as long as the session, because pages stay open for hours."""
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    app.before_request(_refuse_other_sites)
    _Protect(app)


def _refuse_other_sites() -> None:
    if (
        request.method not in _READING
        and not is_api_request()
        and request.headers.get("Sec-Fetch-Site") == "cross-site"
    ):
        raise CSRFError(_SENTENCE)
