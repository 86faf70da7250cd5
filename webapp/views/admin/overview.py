"""The first page of an installation: is all well, what fails, what runs, what waits."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.accounts.rights import Right
from webapp.views.admin import hours
from webapp.views.admin.glance import glance
from webapp.views.current import services
from webapp.views.live import answer, asking
from webapp.views.rights import require_for_all

bp = Blueprint("admin", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)
_SECONDS = 5.0


@bp.get("/admin")
def index() -> ResponseReturnValue:
    """Show how the installation is."""
    return render_template("admin/index.html", **_page())


@bp.get("/admin/_live")
def live() -> ResponseReturnValue:
    """Answer what changes on the page; 304 if nothing did."""
    return answer("admin/_live.html", _page())


def _page() -> dict[str, Any]:
    seen = glance(services())
    return {"seen": seen, "names": hours.names(), **asking(seen, _SECONDS)}
