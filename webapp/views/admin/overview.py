"""The first page of an installation: is all well, what fails, what runs, what waits."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.accounts.rights import Right
from webapp.views.rights import require_for_all

bp = Blueprint("admin", __name__)
require_for_all(bp, Right.SEE_INSTALLATION)


@bp.get("/admin")
def index() -> ResponseReturnValue:
    """Show how the installation is."""
    return render_template("admin/index.html")
