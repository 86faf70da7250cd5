"""A reason that a person gives: asked for in a confirmation, one line, and not nothing."""

from flask import request

from webapp.views.texts import gettext as _

LONGEST = 200


def given() -> str:
    """Return what was typed, on one line."""
    return " ".join(request.form.get("reason", "").split())


def complaint(reason: str) -> str:
    """Say what is wrong with a reason; empty if nothing is."""
    if not reason:
        return _("Say why: others read it and wonder otherwise.")
    if len(reason) > LONGEST:
        return _("A reason has at most %(count)s characters.", count=LONGEST)
    return ""
