"""Step-up authentication: sensitive changes require the user's own password again, with the limits of sign-in.

Users of single sign-on have no password here: they prove at their provider that it is them, within the last minutes.
"""

from datetime import timedelta

from flask import Flask, request
from flask_login import current_user

from webapp.views.page.request import services, signed_in
from webapp.views.security import login, login_throttle, proxied_user
from webapp.views.security.default_deny import current_page
from webapp.views.text.translations import gettext as _

CONFIRMED_FOR = timedelta(minutes=5)  # after signing on


def init_app(app: Flask) -> None:
    """Tell templates whether to ask for the password."""
    app.jinja_env.globals.update(
        asks_own_password=asks_own_password, is_confirmed=is_confirmed, current_page=current_page
    )


def asks_own_password() -> bool:
    """Return whether the signed-in user has a password to confirm changes with."""
    return bool(signed_in().has_password)


def is_confirmed() -> bool:
    """Return whether a user without a password has just signed on."""
    if not current_user.is_authenticated or signed_in().has_password:
        return False
    if proxied_user.proxied_name():  # the proxy vouches for each request, and cannot be asked again
        return True
    origin = login.origin()
    return origin is not None and origin.signed_on and origin.age <= CONFIRMED_FOR


def own_password_error(*, refund: bool = True) -> str:
    """Return the error for the submitted ``own_password``; empty if it is correct.

    Without ``refund`` the request still counts as an attempt, because it has more to prove.
    """
    if not asks_own_password():
        if not is_confirmed():
            return _("Confirm first that it is you.")
        login_throttle.refund_attempt()
        return ""
    typed = request.form.get("own_password", "")
    if not typed:
        return _("Enter your password.")
    if services().accounts.authenticate(signed_in().name, typed) is None:
        return _("Incorrect password.")
    if refund:
        login_throttle.refund_attempt()
    return ""
