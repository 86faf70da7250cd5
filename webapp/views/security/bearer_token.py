"""API requests are authorised by an API token alone: the cookie of a session counts for nothing there.

Nothing that a browser sends by itself authorises a request, so other sites cannot forge one, and the API needs no CSRF
token.
"""

from contextlib import suppress
from dataclasses import dataclass, fields
from typing import NoReturn, Self, cast

from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests, Unauthorized

from webapp.accounts.preferences import Language
from webapp.accounts.tokens import ApiToken, acting_user
from webapp.accounts.user import Role, User
from webapp.config import Settings
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.store import events
from webapp.user_policy import user_policy
from webapp.views.page.problem_details import is_api_request
from webapp.views.page.request import services, signed_in
from webapp.views.security.token_throttle import TokenThrottle

_THROTTLE = "deskjob.token_throttle"
_MOST_RECENT = 1_000
_recent: dict[int, tuple[object, object, "tuple[TokenUser, JobPolicy]"]] = {}  # by the identity of what was found
_FIELDS = tuple(field.name for field in fields(User))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUser(User):
    """The user in whose name a program acts, as Flask-Login needs it; the role is what the scopes leave of theirs."""

    api_token: ApiToken
    account_role: Role
    is_authenticated = True
    is_active = True
    is_anonymous = False

    @classmethod
    def of(cls, user: User, token: ApiToken) -> Self:
        """Combine a user and a token. The API answers in English, whatever language its user reads pages in."""
        acting = acting_user(user, token.scopes)
        values = {name: getattr(acting, name) for name in _FIELDS}
        return cls(**values | {"language": Language.ENGLISH.value}, api_token=token, account_role=user.role)

    def get_id(self) -> str:
        """Return no id: a token never becomes a session."""
        return ""


class BrowserSessions(SecureCookieSessionInterface):
    """Sessions in cookies, except for the API, which neither reads nor sets one.

    The age of a cookie is not checked, as Flask does: it has the time of the web server that has signed it, so it would
    be from the future for one whose clock is behind. The session on the server ends by the database's clock.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the cookie; an empty one for the API, and if the cookie was not signed here."""
        sent = None if is_api_request(request) else request.cookies.get(self.get_cookie_name(app))
        serializer = self.get_signing_serializer(app)
        if sent and serializer:
            with suppress(BadSignature):
                return self.session_class(serializer.loads(sent))
        return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie, except for the API."""
        if not is_api_request():
            super().save_session(app, session, response)


def init_app(app: Flask, settings: Settings) -> None:
    """Limit the requests of each token."""
    app.session_interface = BrowserSessions()
    app.extensions[_THROTTLE] = TokenThrottle(settings.api_limit, settings.redis)


def require_token() -> None:
    """Let the request act for the user of its token; end it with 401 without one, with 429 above the limit."""
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    found = None
    if scheme.lower() == "bearer":
        found = services().tokens.find(text.strip(), address=request.remote_addr or "")
    if found is None:
        _refuse(had_token=bool(text))
    token = found[1]
    throttle = cast(TokenThrottle, current_app.extensions[_THROTTLE])
    if seconds := throttle.seconds_to_wait(token.id.hex):
        raise TooManyRequests(f"This token has sent too many requests. Wait {seconds} s.", retry_after=seconds)

    user, policy = _acting(found)
    g._login_user, g.job_policy = user, (user, policy)  # noqa: SLF001  (where Flask-Login keeps the user of a request)
    events.acting_token.set(token.name)


def _acting(found: tuple[User, ApiToken]) -> tuple[TokenUser, JobPolicy]:
    """Return the acting user and their policy; the same as long as `webapp.accounts.recent_tokens` finds the same."""
    registry = services().registry
    known = _recent.get(id(found))
    if known is not None and known[0] is found and known[1] is registry:
        return known[2]
    user = TokenUser.of(*found)
    made = user, user_policy(user, registry)
    if len(_recent) >= _MOST_RECENT:
        _recent.clear()
    _recent[id(found)] = found, registry, made
    return made


def api_token() -> ApiToken:
    """Return the token of this request; only for routes of the API."""
    return cast(TokenUser, signed_in()).api_token


def role_is_lowered() -> bool:
    """Return whether the scopes of this request's token leave less than the role of its account."""
    user = signed_in()
    return isinstance(user, TokenUser) and user.role != user.account_role


def _refuse(*, had_token: bool) -> NoReturn:
    parameters: dict[str, str | None] = {"realm": "deskjob", **({"error": "invalid_token"} if had_token else {})}
    sentence = (
        "This API token is unknown, expired or revoked, or its account is disabled."
        if had_token
        else "Send an API token: “Authorization: Bearer dj_…”."
    )
    raise Unauthorized(sentence, www_authenticate=WWWAuthenticate("bearer", parameters))
