"""Step-up: who changes what others may do says their own password once more; a wrong one counts as at the login."""

from flask import request

from webapp.views.page.request import services, signed_in
from webapp.views.security import login_throttle
from webapp.views.text.translations import gettext as _


def own_password_error() -> str:
    """Return what is wrong with the password that was sent as ``own_password``; empty if it is theirs."""
    typed = request.form.get("own_password", "")
    if not typed:
        return _("Enter your password.")
    if services().accounts.authenticate(signed_in().name, typed) is None:
        return _("Incorrect password.")
    login_throttle.refund_attempt()
    return ""
