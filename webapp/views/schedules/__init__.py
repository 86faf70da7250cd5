"""The pages of schedules.

Below ``/admin/schedules``, operators, auditors and admins see all of them. Operators pause, resume and run them; admins
add, edit and delete them. Below ``/me/schedules``, users do all of that with their own.
"""

from flask import Blueprint

from webapp.accounts.permissions import Right
from webapp.jobs.schedules.service import ScheduleNotFound, StaleSchedule
from webapp.views.page import error_pages
from webapp.views.page.permissions import require_for_all
from webapp.views.schedules import actions, edit, index
from webapp.views.schedules.access import OWN_PAGES


def _pages(name: str, url_prefix: str, *, own: bool) -> Blueprint:
    pages = Blueprint(name, __name__, url_prefix=url_prefix)
    pages.context_processor(lambda: {"own": own})
    pages.register_error_handler(ScheduleNotFound, error_pages.handle_not_found)
    pages.register_error_handler(StaleSchedule, error_pages.handle_conflict)
    pages.get("")(index.index)
    pages.get("/_live")(index.live)
    pages.get("/<uuid:schedule_id>")(index.show)
    pages.get("/<uuid:schedule_id>/_live")(index.show_live)
    pages.get("/new")(edit.catalogue)
    pages.get("/_preview")(edit.preview)
    pages.route("/new/<type_name>", methods=["GET", "POST"])(edit.new)
    pages.route("/<uuid:schedule_id>/edit", methods=["GET", "POST"])(edit.edit)
    pages.route("/<uuid:schedule_id>/pause", methods=["GET", "POST"])(actions.pause)
    pages.route("/<uuid:schedule_id>/remove", methods=["GET", "POST"])(actions.remove)
    pages.post("/<uuid:schedule_id>/resume")(actions.resume)
    pages.post("/<uuid:schedule_id>/run-now")(actions.run_now)
    return pages


bp = _pages("schedules", "/admin/schedules", own=False)
require_for_all(bp, Right.SEE_INSTALLATION)
own_bp = _pages(OWN_PAGES, "/me/schedules", own=True)
