"""Flask-Login on top of server-side sessions: its user id is the session token.

The token is stored in Flask's signed cookie; there is no remember cookie.
"""

from dataclasses import dataclass, fields
from typing import Self
from uuid import UUID

from flask import Flask, request, session
from flask_login import LoginManager, login_user, logout_user
from pydantic import SecretStr

from webapp.accounts.sessions import SessionOrigin
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.secret_key import secret_keys
from webapp.views.page.problem_details import is_api_request
from webapp.views.page.request import services
from webapp.views.security import proxied_user

_TOKEN = "_user_id"  # noqa: S105  (where Flask-Login stores the result of `get_id`)
PENDING_LASTS = 300  # seconds in which a second factor follows the password
_PENDING = "pending_sign_in"
_POLLED = ("/_live", "/_log")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUser(User):
    """A user with a session token, as Flask-Login needs it."""

    token: str
    is_authenticated = True
    is_active = True
    is_anonymous = False

    @classmethod
    def of(cls, user: User, token: str) -> Self:
        """Combine a user and a session token."""
        return cls(**{field.name: getattr(user, field.name) for field in fields(User)}, token=token)

    def get_id(self) -> str:
        """Return the session token for the cookie."""
        return self.token


def init_app(app: Flask, settings: Settings) -> None:
    """Load the user of each request from the cookie; the cookie is secure if ``public_url`` is https."""
    current, *old = secret_keys(settings)
    https = settings.public_url.startswith("https:")
    app.config.update(
        SECRET_KEY=current,
        SECRET_KEY_FALLBACKS=old,
        WTF_CSRF_SECRET_KEY=[*reversed(old), current],  # the last one signs
        SESSION_COOKIE_NAME=f"{_cookie_prefix(settings)}deskjob",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH=settings.public_path or "/",  # not to other applications of the host
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    manager = LoginManager(app)
    manager.session_protection = None  # it binds a session to the IP address, which changes on phones
    manager.user_loader(_user_of)


def sign_in(user: User, *, signed_on: bool = False, id_token: str = "") -> None:
    """Start a new session for this browser and end its old one, so no token survives a sign-in.

    ``signed_on`` by single sign-on, ``id_token`` is that of the provider.
    """
    sign_out()
    token = services().sessions.begin(
        user.id,
        address=request.remote_addr or "",
        user_agent=_browser(),
        signed_on=signed_on,
        id_token=services().vault.encrypt(SecretStr(id_token)) if id_token else None,
    )
    login_user(SessionUser.of(user, token))


def remember_pending(user: User) -> None:
    """Remember in the signed cookie of this browser that the password was right."""
    session[_PENDING] = {"user": str(user.id), "at": _now()}


def pending_user() -> User | None:
    """Return the user whose password was right a moment ago in this browser, unless the account was disabled."""
    user = services().accounts.get(UUID(pending)) if (pending := pending_id()) else None
    return user if user and user.active else None


def pending_id() -> str:
    """Return the id of the user whose password was right a moment ago; empty without one."""
    found = session.get(_PENDING)
    return str(found["user"]) if found and 0 <= _now() - found["at"] <= PENDING_LASTS else ""


def origin() -> SessionOrigin | None:
    """Return how this browser's session began."""
    return services().sessions.origin(token())


def sign_out() -> None:
    """End this browser's session; a copy of its cookie gives no access afterwards."""
    if token := session.get(_TOKEN):
        services().sessions.end(token)
    logout_user()
    session.clear()


def token() -> str:
    """Return the session token of this browser."""
    return str(session.get(_TOKEN, ""))


def had_session() -> bool:
    """Whether this browser has a session cookie, even if the session has ended."""
    return _TOKEN in session


def _now() -> float:
    """Return the database's time: another web server, with another clock, can answer the next request."""
    return services().queries.jobs.now().timestamp()


def _cookie_prefix(settings: Settings) -> str:
    """Return the promise that browsers enforce: `__Host-` forbids a path, `__Secure-` allows one."""
    if not settings.public_url.startswith("https:"):
        return ""
    return "__Secure-" if settings.public_path else "__Host-"


def _user_of(token: str) -> SessionUser | None:
    if is_api_request():
        return None
    user = services().sessions.find(token, seen=not _is_poll())
    return SessionUser.of(user, token) if user and proxied_user.vouches_for(user) else None


def _is_poll() -> bool:
    return "X-Poll" in request.headers or request.path.endswith(_POLLED)


def _browser() -> str:
    return "".join(c for c in request.user_agent.string if c.isprintable())
