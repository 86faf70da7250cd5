"""Asking before harm: a confirmation made by the server, in a dialog with htmx, as a page of its own without.

Its form is a plain POST: the answer is a page (303), or an error page that says why not.
"""

from dataclasses import dataclass

from flask import render_template, request


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


def confirm(asked: Confirmation, template: str = "confirm.html", **words: object) -> str:
    """Ask; ``template`` extends "_dialog.html" and may add questions to the form."""
    layout = "_dialog_modal.html" if in_dialog() else "_dialog_page.html"
    return render_template(template, asked=asked, layout=layout, **words)


def in_dialog() -> bool:
    """Tell whether the answer is put into the page that is open."""
    return "HX-Request" in request.headers
