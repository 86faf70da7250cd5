"""The user whom a proxy has signed in: it names them in a header, which counts only from listed proxies.

The proxy must remove the header from what browsers send. Deskjob begins a session of its own with it, and ends it when
the proxy stops naming the user or names another one.
"""

from flask import request

from webapp.accounts.user import User
from webapp.accounts.validation import normalize_name
from webapp.config import BadSettingError, Settings
from webapp.views.page.request import services
from webapp.views.security.trusted_proxies import FROM_PROXY


def check_settings(settings: Settings) -> None:
    """Raise `BadSettingError` if the header would count from everybody."""
    if settings.sign_on_header and (not settings.trusted_proxies or settings.trusted_proxies.isdigit()):
        message = "DESKJOB_SIGN_ON_HEADER needs addresses of proxies in DESKJOB_TRUSTED_PROXIES, not their number."
        raise BadSettingError(message)
    if settings.sign_on_groups_header and not settings.sign_on_header:
        raise BadSettingError("DESKJOB_SIGN_ON_GROUPS_HEADER needs DESKJOB_SIGN_ON_HEADER.")


def is_on() -> bool:
    """Return whether proxies sign users in."""
    return bool(services().settings.sign_on_header)


def proxied_name() -> str:
    """Return the name that a listed proxy gives; empty without one."""
    return _from_proxy(services().settings.sign_on_header)


def proxied_groups() -> tuple[str, ...] | None:
    """Return the groups that a listed proxy gives; ``None`` if the installation takes none from it."""
    header = services().settings.sign_on_groups_header
    return tuple(filter(None, map(str.strip, _from_proxy(header).split(",")))) if header else None


def vouches_for(user: User) -> bool:
    """Return whether a session is still that of the proxy's user: one without a password must be named each time."""
    if not is_on():
        return True
    name = proxied_name()
    return normalize_name(name) == user.name if name else user.has_password


def _from_proxy(header: str) -> str:
    return request.headers.get(header, "").strip() if header and request.environ.get(FROM_PROXY) else ""
