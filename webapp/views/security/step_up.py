"""Step-up: who changes what others may do says their own password once more; a wrong one counts as at the login."""

from flask import request

from webapp.views.current import services
from webapp.views.security import throttle
from webapp.views.texts import gettext as _
from webapp.views.viewer import signed_in


def complaint() -> str:
    """Return what is wrong with the password that was sent as ``own_password``; empty if it is theirs."""
    typed = request.form.get("own_password", "")
    if not typed:
        return _("Type your own password.")
    if services().accounts.authenticate(signed_in().name, typed) is None:
        return _("This is not your password.")
    throttle.give_back()
    return ""
