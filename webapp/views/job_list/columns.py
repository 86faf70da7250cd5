"""The columns of the lists of jobs that a user chose; job, status and time are always shown."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import Blueprint, Flask, redirect, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.accounts import preferences
from webapp.views.job_list.row import USUAL_COLUMNS
from webapp.views.job_list.saved_filters import list_url, plain_arguments
from webapp.views.page.request import services, signed_in
from webapp.views.text.translations import lazy_gettext

bp = Blueprint("columns", __name__)
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "by": lazy_gettext("Started by"),
        "files": lazy_gettext("Files"),
        "type": lazy_gettext("Job type"),
        "queue": lazy_gettext("Queue"),
        "duration": lazy_gettext("Duration"),
        "created": lazy_gettext("Created"),
        "attempt": lazy_gettext("Attempt"),
        "priority": lazy_gettext("Priority"),
    }
)
NONE = "none"  # stored by users who want no further column; nothing stored means the usual ones


def init_app(app: Flask) -> None:
    """Give templates ``list_columns()`` and ``all_columns``."""
    app.jinja_env.globals.update(list_columns=chosen_columns, all_columns=COLUMNS)


def chosen_columns() -> tuple[str, ...]:
    """Return the columns of the signed-in user; they are in the user's row, which every request reads anyway."""
    stored = str(getattr(current_user, "list_columns", ""))
    return tuple(name for name in COLUMNS if name in stored.split(",")) if stored else USUAL_COLUMNS


@bp.post("/jobs/columns")
def choose() -> ResponseReturnValue:
    """Save the columns and show the list again, from which the form repeats the filter."""
    chosen = [name for name in request.form.getlist("column") if name in COLUMNS]
    stored = "" if tuple(chosen) == USUAL_COLUMNS else ",".join(chosen) or NONE
    preferences.save_list_columns(services().engine, signed_in().id, stored)
    of_all_users = request.form.get("list") == "admin"
    return redirect(list_url(plain_arguments(request.form, of_all_users=of_all_users), of_all_users=of_all_users), 303)
