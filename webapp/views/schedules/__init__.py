"""The pages of schedules.

Operators, auditors and admins see schedules. Operators pause, resume and run them; admins add, edit and delete them.
"""

from flask import Blueprint

from webapp.accounts.permissions import Right
from webapp.jobs.schedules.service import ScheduleNotFound, StaleSchedule
from webapp.views.page import error_pages
from webapp.views.page.permissions import require_for_all
from webapp.views.schedules import actions, edit, index

bp = Blueprint("schedules", __name__, url_prefix="/admin/schedules")
require_for_all(bp, Right.SEE_INSTALLATION)
bp.register_error_handler(ScheduleNotFound, error_pages.handle_not_found)
bp.register_error_handler(StaleSchedule, error_pages.handle_conflict)

bp.get("")(index.index)
bp.get("/_live")(index.live)
bp.get("/<uuid:schedule_id>")(index.show)
bp.get("/<uuid:schedule_id>/_live")(index.show_live)
bp.get("/new")(edit.catalogue)
bp.get("/_preview")(edit.preview)
bp.route("/new/<type_name>", methods=["GET", "POST"])(edit.new)
bp.route("/<uuid:schedule_id>/edit", methods=["GET", "POST"])(edit.edit)
bp.route("/<uuid:schedule_id>/pause", methods=["GET", "POST"])(actions.pause)
bp.route("/<uuid:schedule_id>/remove", methods=["GET", "POST"])(actions.remove)
bp.post("/<uuid:schedule_id>/resume")(actions.resume)
bp.post("/<uuid:schedule_id>/run-now")(actions.run_now)
