"""Pages that ask again by themselves: how they say what they show, and how they are answered.

Whatever a page shows, its answers bring along what stands around it: the badge, the bell, the toasts.
"""

from collections.abc import Mapping
from typing import Any

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue

from webapp.views import polling
from webapp.views.around import around, toasts
from webapp.views.assets import template_version
from webapp.views.viewer import viewer


def init_app(app: Flask) -> None:
    """Give templates ``heard()``."""
    app.jinja_env.globals["heard"] = heard


def heard() -> dict[str, str]:
    """Return what a page says of itself when it asks again: the latest notice it knows, and whether jobs ran."""
    said = {"heard": str(around().latest), "ran": "1" if around().running else ""}
    return {name: value for name, value in said.items() if value}


def asking(shown: object, seconds: float) -> dict[str, Any]:
    """Return what a template needs for asking again: a tag of all that can change, and when."""
    return {
        "tag": polling.tag(shown, around().pulse, viewer(), template_version()),
        "trigger": polling.trigger(seconds),
    }


def answer(template: str, page: Mapping[str, Any]) -> ResponseReturnValue:
    """Answer a page that asks again, whose tag is in ``page``; 304 if nothing has changed."""
    if (same := polling.unchanged(page["tag"])) is not None:
        return same
    said = toasts(request.args.get("heard", 0, int), ran="ran" in request.args) if polling.is_poll() else ()
    fragments = (render_template(template, **page), render_template("_around_live.html", toasts=said))
    return "".join(fragments), {polling.TAG_HEADER: page["tag"]}
