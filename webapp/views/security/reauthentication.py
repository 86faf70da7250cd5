"""Step-up authentication: sensitive changes require the user's own password again, with the limits of sign-in."""

from flask import request

from webapp.views.page.request import services, signed_in
from webapp.views.security import login_throttle
from webapp.views.text.translations import gettext as _


def own_password_error() -> str:
    """Return the error for the submitted ``own_password``; empty if it is correct."""
    typed = request.form.get("own_password", "")
    if not typed:
        return _("Enter your password.")
    if services().accounts.authenticate(signed_in().name, typed) is None:
        return _("Incorrect password.")
    login_throttle.refund_attempt()
    return ""
