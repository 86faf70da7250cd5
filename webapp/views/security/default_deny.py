"""Every route requires a login except the ones listed here, so a new page is protected by default.

The API requires a token instead, on every path below it.
"""

from urllib.parse import urlsplit, urlunsplit

from flask import Flask, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.inbound.webhook import MOST_BYTES
from webapp.views.page.problem_details import is_api_request
from webapp.views.page.public_path import own_path_of
from webapp.views.page.request import wants_fragment
from webapp.views.security.bearer_token import require_token
from webapp.views.security.safe_redirect import HOME, safe_next

WEBHOOKS = "webhook_messages.receive"
PUBLIC = frozenset(
    {
        *("auth.login", "sign_on.begin", "sign_on.finish", "sign_on.by_proxy", "second_factor.ask", "static"),
        *("health.healthz", "health.readyz", "health.one_part"),
        "metrics.show",  # it has its own rule
        WEBHOOKS,  # its messages are signed
    }
)
_PUBLIC_BODY = 16 * 1024  # bytes: enough for a name and a password


def init_app(app: Flask) -> None:
    """Redirect anonymous requests to the sign-in page; Flask-Login's decorators do the same."""
    app.login_manager.unauthorized_handler(_ask_to_sign_in)  # type: ignore[attr-defined]
    app.before_request(_require_login)


def _require_login() -> ResponseReturnValue | None:
    if request.endpoint in PUBLIC:
        request.max_content_length = MOST_BYTES if request.endpoint == WEBHOOKS else _PUBLIC_BODY
        return None
    if is_api_request():
        require_token()
        return None
    if current_user.is_authenticated:
        return None
    answer: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    return answer


def _ask_to_sign_in() -> ResponseReturnValue:
    if wants_fragment():
        # htmx would follow a redirect inside the fragment, but the whole page must move
        return "", 401, {"HX-Redirect": _login_page(current_page())}
    return redirect(_login_page(current_page()), 302 if request.method in {"GET", "HEAD"} else 303)


def current_page() -> str:
    """Return the path of the page that the user sees: of a fragment or a form, the page around it."""
    if wants_fragment():
        return _own_path(request.headers.get("HX-Current-URL"))
    if request.method in {"GET", "HEAD"}:
        return request.full_path.removesuffix("?")
    return _own_path(request.referrer)


def _own_path(url: str | None) -> str:
    return own_path_of(_without_host(url or ""))


def _login_page(then: str) -> str:
    page = safe_next(then)
    return url_for("auth.login", next=None if page == HOME else page)


def _without_host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # browsers never send these, other clients can
        return ""
    return urlunsplit(("", "", parts.path, parts.query, ""))
