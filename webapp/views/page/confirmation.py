"""Confirmation before a harmful action: a dialog with htmx, a page of its own without.

The form is a plain POST. It answers with a redirect (303) or an error page. `ask_reason` adds a
reason to the confirmation.
"""

from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.views.page.request import wants_fragment
from webapp.views.text.translations import gettext as _

_LONGEST = 200  # characters of a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """``title`` is a question, ``effect`` says what happens and to how many objects.

    ``action`` and ``keep`` label the two buttons. The first one posts ``fields`` (names with values)
    to ``post``; on a page, the second one links to ``back``. ``refusal`` disables the first button
    and gives the reason.
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
    """Render the confirmation; ``template`` extends "page/_dialog.html" and can add fields to the form."""
    layout = "page/_dialog_modal.html" if wants_fragment() else "page/_dialog_page.html"
    return render_template(template, confirmation=confirmation, layout=layout, **words)


def ask_reason(confirmation: Confirmation, *, required: bool = True) -> ResponseReturnValue | None:
    """Return the page that asks for a reason, with an error if it is invalid; ``None`` once it is valid."""
    if request.method != "POST":
        return _reason_page(confirmation, required=required, error=""), 200
    error = _reason_error(submitted_reason(), required=required)
    return (_reason_page(confirmation, required=required, error=error), 422) if error else None


def ask_reason_again(confirmation: Confirmation) -> str:
    """Return the page that asks for a required reason, with the one that was submitted."""
    return _reason_page(confirmation, required=True, error="")


def submitted_reason() -> str:
    """Return the submitted reason on one line."""
    return " ".join(request.form.get("reason", "").split())


def _reason_page(confirmation: Confirmation, *, required: bool, error: str) -> str:
    words = {"reason": submitted_reason(), "required": required, "error": error, "longest": _LONGEST}
    return render_confirmation(confirmation, "page/confirm_reason.html", **words)


def _reason_error(reason: str, *, required: bool) -> str:
    if required and not reason:
        return _("Give a reason. Other users will see it.")
    if len(reason) > _LONGEST:
        return _("A reason can have at most %(count)s characters.", count=_LONGEST)
    return ""
