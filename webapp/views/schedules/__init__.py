"""The pages of schedules: what starts by itself, when next, and what became of it.

Who sees the installation sees them; operators pause, resume and run them; admins make and change them.
"""

from flask import Blueprint

from webapp.accounts.rights import Right
from webapp.jobs.schedules.schedules import ScheduleNotFound, StaleSchedule
from webapp.views import errors
from webapp.views.rights import require_for_all
from webapp.views.schedules import asking, pages, verbs

bp = Blueprint("schedules", __name__, url_prefix="/admin/schedules")
require_for_all(bp, Right.SEE_INSTALLATION)
bp.register_error_handler(ScheduleNotFound, errors.unknown)
bp.register_error_handler(StaleSchedule, errors.conflicting)

bp.get("")(pages.index)
bp.get("/_live")(pages.live)
bp.get("/<uuid:schedule_id>")(pages.show)
bp.get("/<uuid:schedule_id>/_live")(pages.show_live)
bp.get("/new")(asking.catalogue)
bp.get("/_preview")(asking.preview)
bp.route("/new/<type_name>", methods=["GET", "POST"])(asking.new)
bp.route("/<uuid:schedule_id>/edit", methods=["GET", "POST"])(asking.edit)
bp.route("/<uuid:schedule_id>/pause", methods=["GET", "POST"])(verbs.pause)
bp.route("/<uuid:schedule_id>/remove", methods=["GET", "POST"])(verbs.remove)
bp.post("/<uuid:schedule_id>/resume")(verbs.resume)
bp.post("/<uuid:schedule_id>/run-now")(verbs.run_now)
