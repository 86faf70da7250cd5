"""Limits failed sign-ins per account and per IP address, and failed confirmations per signed-in user.

Each attempt is counted before its password is checked, in one atomic step, so parallel guesses do
not slip through. A successful attempt refunds only its own count, so neither frequent sign-ins nor an
attacker's own account affect the limit. Codes of a second factor have a lower limit besides, because there are only a
million of them. Counts are in Redis for all processes; while Redis is down,
each process counts for itself.
"""

import time
from contextlib import suppress
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import cast

from flask import Flask, current_app, request
from flask_limiter import ApplicationLimit, Limiter
from flask_login import current_user
from limits import parse_many
from limits.errors import StorageError

from webapp.accounts.validation import normalize_name
from webapp.config import BadSettingError, Settings
from webapp.views.page.request import services
from webapp.views.security.login import pending_id
from webapp.views.security.token_throttle import STORAGE_OPTIONS, storage_uri
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

LOGIN = "auth.login"
SECOND_FACTOR = "second_factor.ask"
# routes where a signed-in user confirms their password
_START = "start.form"
STEP_UPS = frozenset(
    {
        *("me.password", "users.add", "users.role", "users.password", "new_password.choose"),
        *("my_tokens.add", "tokens.add", "webhooks.add", "webhooks.rotate"),
        *("second_factor.switch_on", "second_factor.remove", "users.second_factor"),
    }
)
_ASK_FOR_CODES = frozenset({SECOND_FACTOR, "second_factor.switch_on", "second_factor.remove"})
_CODE_LIMIT = "20 per day"  # whoever has the password needs 30 years for an even chance
_READ_AS_SECONDS = 90
_READ_AS_MINUTES = 5400  # seconds
_IPV6_SITE = 64  # bits; one IPv6 customer has all addresses that share these


class _AttemptLimiter(Limiter):
    """Looks at attempts only: to find out that no limit applies takes it a twentieth of a small request."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:  # noqa: FBT001, FBT002  (its signature)
        if not _is_no_attempt():
            super()._check_request_limit(callable_name, in_middleware)


def init_app(app: Flask, settings: Settings) -> None:
    """Count sign-in attempts; raise `RateLimitExceeded` when there are too many."""
    limiter = _AttemptLimiter(
        _address,
        application_limits=[
            ApplicationLimit(_good("address_limit", settings.address_limit), _address, scope="login-address"),
            ApplicationLimit(_good("login_limit", settings.login_limit), _account, scope="login-account"),
            ApplicationLimit(_CODE_LIMIT, _account, scope="codes", exempt_when=_asks_for_no_code),
        ],
        storage_uri=storage_uri(settings.redis),  # of a `ThrottleStorage`
        storage_options=STORAGE_OPTIONS,
        in_memory_fallback_enabled=True,
        key_prefix="deskjob",
    )
    limiter.init_app(app)


def refund_attempt() -> None:
    """Remove this request's attempt from the counts, because it succeeded."""
    limiter = _limiter()
    with suppress(StorageError):  # Redis is down, and the counts with it
        for attempt in limiter.current_limits:
            limiter.limiter.storage.incr(attempt.key, attempt.limit.get_expiry(), amount=-1)


def seconds_to_wait() -> int:
    """Return the seconds until the next attempt is allowed; at least 1."""
    reset_at = max((limit.reset_at for limit in _limiter().current_limits if limit.breached), default=0)
    return max(1, ceil(reset_at - time.time()))


def wait_message(seconds: int) -> str:
    """Return the sentence on how long to wait."""
    if seconds <= _READ_AS_SECONDS:
        wait = ngettext("%(num)s second", "%(num)s seconds", seconds)
    elif seconds > _READ_AS_MINUTES:
        wait = ngettext("%(num)s hour", "%(num)s hours", -(-seconds // 3600))
    else:
        wait = ngettext("%(num)s minute", "%(num)s minutes", -(-seconds // 60))
    return str(_("Too many attempts. Try again in %(wait)s.", wait=wait))


def _limiter() -> Limiter:
    return cast(Limiter, next(iter(current_app.extensions["limiter"])))


def _is_no_attempt() -> bool:
    return request.method != "POST" or not (
        request.endpoint in {LOGIN, SECOND_FACTOR, *STEP_UPS} or _starts_with_password()
    )


def _asks_for_no_code() -> bool:
    return request.endpoint not in _ASK_FOR_CODES


def _starts_with_password() -> bool:
    """Return whether the request starts a job of a type that asks for the user's password."""
    registry, type_name = services().registry, (request.view_args or {}).get("type_name", "")
    return request.endpoint == _START and type_name in registry and registry.get(type_name).asks_password


def _account() -> str:
    if request.endpoint == SECOND_FACTOR:
        return f"second-factor-{pending_id()}"
    if request.endpoint != LOGIN:
        return _signed_in()
    name = request.form.get("name", "")
    return blake2b((normalize_name(name) or name).encode(), digest_size=16).hexdigest()


def _signed_in() -> str:
    """Return a key of the signed-in user alone, so that failed sign-ins by others never lock this user out."""
    return f"user-{getattr(current_user, 'id', '')}"


def _address() -> str:
    if request.endpoint not in {LOGIN, SECOND_FACTOR}:
        return _signed_in()
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket has none
        return "local"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, _IPV6_SITE), strict=False))
    return str(address)


def _good(name: str, limit: str) -> str:
    try:
        parse_many(limit)
    except ValueError:
        message = f"DESKJOB_{name.upper()} cannot be used ({limit!r}): write it like '5 per minute; 30 per hour'."
        raise BadSettingError(message) from None
    return limit
