"""A reason that a person gives: asked for in a confirmation, one line, and not nothing."""

from flask import request
from flask.typing import ResponseReturnValue

from webapp.views.confirming import Confirmation, confirm
from webapp.views.texts import gettext as _

_LONGEST = 200


def given() -> str:
    """Return what was typed, on one line."""
    return " ".join(request.form.get("reason", "").split())


def asking(asked: Confirmation) -> ResponseReturnValue | None:
    """Return the page that asks for a reason, and says what is wrong with one; ``None`` once a good one was sent."""
    error = _complaint(given()) if request.method == "POST" else ""
    if request.method == "POST" and not error:
        return None
    page = confirm(asked, "admin/reason.html", reason=given(), error=error, longest=_LONGEST)
    return page, 422 if error else 200


def _complaint(reason: str) -> str:
    if not reason:
        return _("Say why: others read it and wonder otherwise.")
    if len(reason) > _LONGEST:
        return _("A reason has at most %(count)s characters.", count=_LONGEST)
    return ""
