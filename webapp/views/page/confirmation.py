"""Asking before harm: a confirmation made by the server, in a dialog with htmx, as a page of its own without.

Its form is a plain POST: the answer is a page (303), or an error page that says why not.

A reason that a person gives: asked for in a confirmation, one line, and not nothing.
"""

from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.views.text.translations import gettext as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What is asked: ``title`` is a question, ``effect`` says what happens and to how many.

    ``action`` and ``keep`` are the words of the two buttons, ``post`` is where the first one sends
    ``fields`` (names with values), ``back`` where the other one leads on a page. With ``refusal``
    the first button is disabled, and this is the reason.
    """

    title: str
    effect: str
    action: str
    keep: str
    post: str
    back: str
    notes: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    harmful: bool = True
    refusal: str = ""


def render_confirmation(confirmation: Confirmation, template: str = "page/confirm.html", **words: object) -> str:
    """Ask; ``template`` extends "page/_dialog.html" and may add questions to the form."""
    layout = "page/_dialog_modal.html" if wants_dialog() else "page/_dialog_page.html"
    return render_template(template, confirmation=confirmation, layout=layout, **words)


def wants_dialog() -> bool:
    """Tell whether the answer is put into the page that is open."""
    return "HX-Request" in request.headers


_LONGEST = 200


def submitted_reason() -> str:
    """Return what was typed, on one line."""
    return " ".join(request.form.get("reason", "").split())


def ask_reason(confirmation: Confirmation) -> ResponseReturnValue | None:
    """Return the page that asks for a reason, and says what is wrong with one; ``None`` once a good one was sent."""
    error = _complaint(submitted_reason()) if request.method == "POST" else ""
    if request.method == "POST" and not error:
        return None
    page = render_confirmation(
        confirmation, "admin/reason.html", reason=submitted_reason(), error=error, longest=_LONGEST
    )
    return page, 422 if error else 200


def _complaint(reason: str) -> str:
    if not reason:
        return _("Give a reason. Other users will see it.")
    if len(reason) > _LONGEST:
        return _("A reason can have at most %(count)s characters.", count=_LONGEST)
    return ""
